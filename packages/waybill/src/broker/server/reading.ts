import { FrameScanner, type FrameHandler } from '../wire/frame-scanner.ts'

/** Takes up what a client says, frame by frame, unless something has to happen first. */
export class Reading {
  readonly #scanner: FrameScanner
  readonly #changed: (isHeld: boolean) => void
  #holds = 0
  #isOver = false

  /** @param changed whether nothing is to be read for now */
  constructor(handler: FrameHandler, frameMax: number, changed: (isHeld: boolean) => void) {
    this.#scanner = new FrameScanner(handler, frameMax)
    this.#changed = changed
  }

  get isHeld(): boolean {
    return this.#holds > 0 && !this.#isOver
  }

  /** Largest frame, overhead included. */
  set frameMax(octets: number) {
    this.#scanner.frameMax = octets
  }

  /** @throws {ConnectionError} 501 for what is no frame, after which everything is passed over */
  push(chunk: Buffer): void {
    this.#scanner.push(chunk)
  }

  /** Takes up no frame until the returned function is called, which throws as `push` does. */
  hold(): () => void {
    if (++this.#holds === 1 && !this.#isOver) this.#changed(true)
    return () => {
      if (--this.#holds > 0 || this.#isOver) return
      try {
        this.#scanner.resume()
      } finally {
        if (this.#holds === 0) this.#changed(false)
      }
    }
  }

  /** Only the end of the conversation is waited for: from here on nothing holds it back. Throws as `push` does. */
  finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#holds > 0) this.#changed(false)
    this.#scanner.resume()
  }
}
