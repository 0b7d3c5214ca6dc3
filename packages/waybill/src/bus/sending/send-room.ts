// How much of what is sent may be in memory, and the line of those who wait for a place.
import type { PendingSend } from './pending-send.ts'
import type { SendLimits } from './send-limits.ts'

/**
 * Counts what is held, here or in the transport, whether or not its caller still waits; and keeps those who found no place
 * in line, first come, first in. What is in line is bounded, too.
 */
export class SendRoom {
  readonly #limits: SendLimits
  #held = 0
  #heldBytes = 0
  #line: PendingSend[] = []
  #inLine = 0
  #lineBytes = 0

  constructor(limits: SendLimits) {
    this.#limits = limits
  }

  /** Why one of `bytes` can neither come in nor stand in line; `undefined` where it can. */
  refusal(bytes: number): string | undefined {
    const { maxPendingBytes, maxLine, maxLineBytes } = this.#limits
    if (bytes > maxPendingBytes) return `it has ${bytes} bytes, and ${maxPendingBytes} are all that may be pending`
    if (this.#fits(bytes)) return undefined
    if (this.#inLine < maxLine && this.#lineBytes + bytes <= maxLineBytes) return undefined
    return `${this.#held} messages (${this.#heldBytes} bytes) are pending, and ${this.#inLine} wait for a place`
  }

  /** Whether it has come in; otherwise it stands in line. */
  enter(entry: PendingSend): boolean {
    if (this.#fits(entry.bytes)) {
      this.#held++
      this.#heldBytes += entry.bytes
      return true
    }
    entry.state = 'in-line'
    this.#line.push(entry)
    this.#inLine++
    this.#lineBytes += entry.bytes
    return false
  }

  /** Its place is free; answers who come in instead, in order. */
  leave(entry: PendingSend): readonly PendingSend[] {
    this.#held--
    this.#heldBytes -= entry.bytes
    const entering: PendingSend[] = []
    let passed = 0
    for (const next of this.#line) {
      if (next.state === 'in-line') {
        if (!this.#hasPlace(next.bytes)) break
        this.#leaveLine(next)
        this.#held++
        this.#heldBytes += next.bytes
        next.state = 'waiting'
        entering.push(next)
      }
      passed++
    }
    if (passed > 0) this.#line.splice(0, passed)
    return entering
  }

  /** It has ended while it stood in line. */
  forget(entry: PendingSend): void {
    this.#leaveLine(entry)
    // Those that have ended are dropped when they outnumber the others.
    if (this.#line.length > 64 && this.#line.length > 2 * this.#inLine)
      this.#line = this.#line.filter((one) => one.state === 'in-line')
  }

  /** Takes everybody out of the line. */
  dissolve(): readonly PendingSend[] {
    const all = this.#line.filter((one) => one.state === 'in-line')
    this.#line = []
    this.#inLine = 0
    this.#lineBytes = 0
    return all
  }

  /** Nobody overtakes who stands in line. */
  #fits(bytes: number): boolean {
    return this.#inLine === 0 && this.#hasPlace(bytes)
  }

  #hasPlace(bytes: number): boolean {
    return this.#held < this.#limits.maxPending && this.#heldBytes + bytes <= this.#limits.maxPendingBytes
  }

  #leaveLine(entry: PendingSend): void {
    this.#inLine--
    this.#lineBytes -= entry.bytes
  }
}
