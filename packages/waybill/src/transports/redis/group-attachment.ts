import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Timer } from '../../runtime/runtime.ts'
import type { Group } from '../../transport/transport.ts'
import { text, type Connection, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { Lease } from './lease.ts'
import { fieldsIn, type Fields } from './message-mapping.ts'
import { shardsOf } from './names.ts'
import type { Place } from './redis-delivery.ts'
import { SettleQueue } from './settle-queue.ts'

/** What one fetch takes at most, however large the prefetch. */
const MOST_AT_ONCE = 512
/** A timer is not set for longer: a member that lives looks then. */
const LONGEST_TIMER_MS = 3_600_000

/** An entry as the server hands it out. */
export interface Handed {
  readonly place: Place
  readonly fields: Fields
  /** How often, this time included. */
  readonly count: number
}

export interface AttachmentEvents {
  /** How many more could be handed out. */
  room(): number
  handed(batch: readonly Handed[]): void
  /** The server no longer counts this member. */
  lost(error: Error): void
}

/** Everything of one time that a member of an unordered group is attached: its lease, its fetches, its settlements. */
export class GroupAttachment {
  readonly self: string
  readonly settlements: SettleQueue
  readonly #context: Context
  readonly #connection: Connection
  readonly #group: Group
  readonly #events: AttachmentEvents
  readonly #lease: Lease
  readonly #base: string
  readonly #streams: readonly string[]
  /** The channel's bell: heard up to here. */
  #heard = '0-0'
  /** Somebody may have gone and left something. */
  #reclaims = true
  #fetching: Promise<void> | undefined
  /** All was handed out, and the bell is set. */
  #watching = false
  #turn = 0
  #due: Timer | undefined
  #shut = false
  #ended = false

  constructor(context: Context, connection: Connection, group: Group, events: AttachmentEvents) {
    this.self = context.runtime.newId()
    this.#context = context
    this.#connection = connection
    this.#group = group
    this.#events = events
    this.#base = context.names.base(group.channel)
    this.#streams = context.names.streams(group)
    this.#lease = new Lease(this.self, group, context, connection, {
      members: () => undefined,
      due: (inMs) => this.#dueIn(inMs),
      expired: (error) => this.#lost(error),
    })
    this.settlements = new SettleQueue(context, connection, group, (error) => this.#failed(error))
  }

  get isHeld(): boolean {
    return !this.#ended && this.#lease.isHeld
  }

  /** @param former this subscription's own member of before, which is no more */
  async join(former: string | undefined): Promise<void> {
    if (former !== undefined) await this.#connection.run('leave', this.#base, [this.#group.name, former])
    await this.#lease.join()
  }

  /** Fetches what there is room for, unless that is going on, or there is nothing. */
  fetch(): void {
    if (this.#fetching !== undefined || this.#watching || this.#shut || this.#ended) return
    if (this.#connection.isClosed || this.#events.room() <= 0) return
    this.#fetching = this.#fetch()
      .catch((error: unknown) => this.#failed(asError(error)))
      .finally(() => {
        this.#fetching = undefined
        this.fetch()
      })
  }

  /** Fetches nothing more. */
  shut(): void {
    this.#shut = true
    this.#due?.cancel()
    this.#context.bell.unwatch(this)
  }

  /** What has been settled reaches the server; what has not is anybody's. */
  async leave(): Promise<void> {
    if (this.#ended || this.#connection.isClosed) return
    await this.#fetching
    await this.settlements.done()
    await this.#lease.leave()
  }

  end(): void {
    this.shut()
    this.#ended = true
    this.#lease.end()
  }

  async #fetch(): Promise<void> {
    if (this.#reclaims) await this.#reclaim()
    const room = Math.min(MOST_AT_ONCE, this.#events.room())
    if (room <= 0 || this.#shut) return
    // Each of the streams is the first to be looked at in its turn.
    const turn = this.#turn++ % this.#streams.length
    const [outcome, due, entries, ends] = await this.#run('fetch', room, turn)
    if (this.#ended) return
    if (text(outcome) !== 'OK') return this.#gone(text(due))
    if (text(due) !== '') this.#dueIn(Number(text(due)))
    this.#hand(entries)
    const ids = (ends as readonly Reply[]).map(text)
    if (ids.length > 0 && !this.#shut) this.#watch(ids)
  }

  async #reclaim(): Promise<void> {
    this.#reclaims = false
    const [outcome, entries, more] = await this.#run('reclaim', Math.min(MOST_AT_ONCE, this.#events.room()))
    if (this.#ended) return
    if (text(outcome) !== 'OK') return this.#gone(text(entries))
    this.#reclaims = more === 1
    this.#hand(entries)
  }

  #hand(entries: Reply | undefined): void {
    const handed = (entries as readonly (readonly Reply[])[]).map(([stream, id, fields, count]) => ({
      place: { stream: Number(stream), id: text(id) },
      fields: fieldsIn(fields),
      count: Number(count ?? 1),
    }))
    if (handed.length > 0) this.#events.handed(handed)
  }

  #watch(ends: readonly string[]): void {
    this.#watching = true
    const bell = this.#context.names.bell(this.#group.channel)
    const streams = new Map(this.#streams.map((stream, n) => [stream, ends[n] ?? '0-0']))
    this.#context.bell.watch(this, streams.set(bell, this.#heard), (stream, id) => {
      if (stream === bell) {
        this.#heard = id
        this.#reclaims = true
      }
      this.#look()
    })
  }

  #look(): void {
    this.#watching = false
    this.fetch()
  }

  #dueIn(ms: number): void {
    this.#due?.cancel()
    if (this.#shut) return
    this.#due = this.#context.runtime.setTimer(Math.min(LONGEST_TIMER_MS, ms), () => {
      this.#context.bell.unwatch(this)
      this.#look()
    })
  }

  #run(script: 'fetch' | 'reclaim', room: number, ...more: readonly number[]): Promise<readonly Reply[]> {
    const { channel, name } = this.#group
    const args = [name, shardsOf(channel), channel.foreign ?? '', this.self, room, ...more]
    return this.#connection.run(script, this.#base, args)
  }

  #gone(why: string): void {
    const { channel, name } = this.#group
    const what = `group ${name} of channel ${channel.name} hands out nothing to this member: ${why}`
    this.#lost(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', what))
  }

  #failed(error: Error): void {
    // A link that is down says so itself.
    if (this.#ended || this.#connection.isClosed) return
    if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) this.#context.emit({ type: 'error', error })
    this.#lost(error)
  }

  #lost(error: Error): void {
    if (!this.#ended) this.#events.lost(error)
  }
}
