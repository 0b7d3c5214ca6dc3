import { Duplex } from 'node:stream'

/** The end of a socket that a server has, without a network: what is pushed arrives, what is written is heard. */
export class WireSocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 50_000
  readonly localAddress = '127.0.0.1'
  readonly localPort = 5_672
  bytesRead = 0
  bytesWritten = 0
  readonly #heard: (octets: Buffer) => void
  #isDeaf = false
  #unheard: (() => void)[] = []

  constructor(heard: (octets: Buffer) => void) {
    super({ allowHalfOpen: false })
    this.#heard = heard
  }

  /** While the client does not read, what is written waits here. */
  set isDeaf(isDeaf: boolean) {
    this.#isDeaf = isDeaf
    while (!this.#isDeaf && this.#unheard.length > 0) this.#unheard.shift()?.()
  }

  arrive(octets: Buffer): void {
    if (this.destroyed || this.readableEnded) return
    this.bytesRead += octets.length
    this.push(Buffer.from(octets))
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  override _read(): void {}

  override _write(octets: Buffer, _encoding: string, done: () => void): void {
    this.bytesWritten += octets.length
    const hear = (): void => {
      this.#heard(octets)
      done()
    }
    if (this.#isDeaf) this.#unheard.push(hear)
    else hear()
  }
}
