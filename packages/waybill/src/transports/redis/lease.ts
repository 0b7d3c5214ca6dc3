// That a member counts. It gives signs of life as long as it lives; the server takes those from the list who give none, by its
// own clock. A member that could not give one for most of a lease hands out nothing more: so there is a time in between.
import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Timer } from '../../runtime/runtime.ts'
import type { Group } from '../../transport/transport.ts'
import { text, type Connection } from './connection.ts'
import type { Context } from './context.ts'
import { shardsOf } from './names.ts'

/** Of a lease: how often a sign is given, and after what part of it without success a member stands back. */
const SIGNS = 4
const STANDS_BACK = 0.75

export interface LeaseEvents {
  /** Who the members are, by the answer to a sign of life. */
  members(ids: readonly string[]): void
  /** In so many milliseconds something is due. */
  due(inMs: number): void
  /** This member no longer counts. */
  expired(error: Error): void
}

export class Lease {
  readonly self: string
  readonly #context: Context
  readonly #connection: Connection
  readonly #group: Group
  readonly #events: LeaseEvents
  #renewedAt = 0
  #timer: Timer | undefined
  #ended = false

  constructor(self: string, group: Group, context: Context, connection: Connection, events: LeaseEvents) {
    this.self = self
    this.#group = group
    this.#context = context
    this.#connection = connection
    this.#events = events
  }

  /** Whether the others still count this member in, for a while yet. Once not, never again. */
  get isHeld(): boolean {
    const { runtime, settings } = this.#context
    if (this.#ended) return false
    if (runtime.monotonic() - this.#renewedAt < settings.leaseMs * STANDS_BACK) return true
    runtime.defer(() => this.#expire(new Error('no sign of life was answered in time')))
    return false
  }

  /** Resolves with the members, this one included. */
  async join(): Promise<readonly string[]> {
    const begun = this.#context.runtime.monotonic()
    const members = await this.#run('join', this.self, this.#context.settings.leaseMs)
    this.#renewedAt = begun
    this.#schedule()
    return members.map(text)
  }

  /** Gives a sign of life now. */
  async beat(): Promise<void> {
    const { runtime, settings } = this.#context
    const begun = runtime.monotonic()
    const { channel } = this.#group
    try {
      const args = [this.self, settings.leaseMs, shardsOf(channel), channel.foreign ?? '']
      const [outcome, detail, ...members] = (await this.#run('heartbeat', ...args)).map(text)
      if (this.#ended) return
      if (outcome !== 'OK') return this.#expire(new Error(detail))
      if (!this.isHeld) return
      this.#renewedAt = begun
      if (detail !== undefined && detail !== '') this.#events.due(Number(detail))
      this.#events.members(members)
    } catch (thrown) {
      const error = asError(thrown)
      // A link that is down says so itself; a server in trouble is asked again, as long as there is time.
      if (!this.#ended && !isWaybillError(error, 'WAYBILL_OUTCOME_UNKNOWN') && !this.isHeld) this.#expire(error)
    }
  }

  /** What it holds is anybody's at once. */
  async leave(): Promise<void> {
    this.end()
    await this.#run('leave', this.self)
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#ended) return
    const { runtime, settings } = this.#context
    this.#timer = runtime.setTimer(settings.leaseMs / SIGNS, () => {
      void this.beat()
      if (this.isHeld) this.#schedule()
    })
  }

  #run(script: 'join' | 'heartbeat' | 'leave', ...args: readonly (string | number)[]) {
    const { channel, name } = this.#group
    return this.#connection.run(script, this.#context.names.base(channel), [name, ...args])
  }

  #expire(cause: Error): void {
    if (this.#ended) return
    this.end()
    const { channel, name } = this.#group
    const what = `this member of group ${name} of channel ${channel.name} no longer counts: ${cause.message}`
    this.#events.expired(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', what, { cause }))
  }
}
