import type { Socket } from 'node:net'
import type { Runtime, Timer } from '../runtime/runtime.ts'

/** How often a slowed lane lets bytes through. Short, so that a small rate is a trickle and no burst. */
const TICK_MS = 10

/** Bytes of one direction of a proxied connection: from one socket to the other, at the pace of the slower. */
export class TrafficLane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #runtime: Runtime
  #isStalled = false
  #bytesPerSecond = Infinity
  /** Read and not passed on: at most one read of a slowed or stalled socket. */
  #kept: Buffer[] = []
  #isFull = false
  #isEnded = false
  #isDiscarding = false
  #timer: Timer | undefined

  constructor(from: Socket, to: Socket, runtime: Runtime) {
    this.#from = from
    this.#to = to
    this.#runtime = runtime
    from.on('data', (chunk: Buffer) => {
      if (this.#isDiscarding) return
      this.#kept.push(chunk)
      this.#pass()
    })
    from.on('end', () => {
      if (this.#isDiscarding) {
        from.destroy()
        return
      }
      this.#isEnded = true
      this.#pass()
    })
    to.on('drain', () => {
      this.#isFull = false
      this.#pass()
    })
  }

  /** Stops the traffic, or lets it go on. The sender notices when the buffers on the way are full. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled
    this.#pass()
  }

  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
    this.#pass()
  }

  /** From now on reads and forgets: the other side is gone, and nobody says so. */
  discard(): void {
    this.#isDiscarding = true
    this.#kept = []
    this.#from.resume()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#kept = []
  }

  #pass(): void {
    if (this.#isDiscarding) return
    if (!this.#isStalled && !this.#isFull) {
      if (this.#bytesPerSecond === Infinity) while (!this.#isFull && this.#kept.length > 0) this.#write(Infinity)
      else if (this.#kept.length > 0) this.#timer ??= this.#runtime.setTimer(TICK_MS, () => this.#tick())
      if (this.#kept.length === 0 && this.#isEnded && !this.#to.writableEnded) this.#to.end()
    }
    const isFree = !this.#isStalled && !this.#isFull && this.#kept.length === 0
    if (isFree) this.#from.resume()
    else this.#from.pause()
  }

  #tick(): void {
    this.#timer = undefined
    if (!this.#isStalled && !this.#isFull)
      this.#write(Math.max(1, Math.round((this.#bytesPerSecond * TICK_MS) / 1_000)))
    this.#pass()
  }

  #write(most: number): void {
    const chunk = this.#kept.shift()
    if (chunk === undefined) return
    if (chunk.length > most) this.#kept.unshift(chunk.subarray(most))
    this.#isFull = !this.#to.write(chunk.length > most ? chunk.subarray(0, most) : chunk)
  }
}
