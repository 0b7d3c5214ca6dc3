// Heartbeats (AMQP 0-9-1, section 4.2.7): any octet counts as one.
import type { Runtime, Timer } from '../../runtime/runtime.ts'

export interface HeartbeatHost {
  /** Octets that came, and that were written, since the connection began. */
  readonly received: number
  readonly sent: number
  /** Nothing is read for now, so that silence says nothing. */
  readonly isReading: boolean
  beat(): void
  /** The peer has been silent for two intervals. */
  silent(): void
}

const HEARTBEAT_OCTETS = 8

/** Looks twice in an interval whether something was sent, and whether something came. */
export class Heartbeats {
  readonly #runtime: Runtime
  readonly #host: HeartbeatHost
  #timer: Timer | undefined
  #halfMs = 0
  #sent = 0
  #received = 0
  #silence = 0

  constructor(runtime: Runtime, host: HeartbeatHost) {
    this.#runtime = runtime
    this.#host = host
  }

  /** @param intervalSeconds 0 is none */
  start(intervalSeconds: number): void {
    if (intervalSeconds === 0) return
    this.#halfMs = intervalSeconds * 500
    this.#received = this.#host.received
    this.#sent = this.#host.sent
    this.#wait()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #wait(): void {
    this.#timer = this.#runtime.setTimer(this.#halfMs, () => this.#look())
  }

  #look(): void {
    const { received, sent, isReading } = this.#host
    this.#silence = isReading && received === this.#received ? this.#silence + 1 : 0
    this.#received = received
    // Four half intervals, and what was left of the one in which something came.
    if (this.#silence === 4) return this.#host.silent()
    const isIdle = sent === this.#sent
    if (isIdle) this.#host.beat()
    // The beat itself is not written yet, and is no reason to leave out the next one.
    this.#sent = isIdle ? sent + HEARTBEAT_OCTETS : sent
    this.#wait()
  }
}
