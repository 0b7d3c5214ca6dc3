// How the members of an ordered group know of each other, and who has which shard. Under the group's key in key-value:
//
//   member.<id>    written by the member itself again and again, as long as it lives; deleted when it leaves
//   shard.<n>      who owns the shard (shard-record.ts)
//
// A member that could not write its key for most of a lease hands out nothing more. One whose key has not been written for a
// whole lease, by the watch of another, is gone, and its shards are free: so there is a time in between.
import type { KvWatchEntry } from '@nats-io/kv'
import type { QueuedIterator } from '@nats-io/transport-node'
import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { Membership } from '../../../transport/ordered/membership.ts'
import type { Group } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import type { Wire } from '../wire.ts'
import { standing, type Standing } from './shard-record.ts'

/** Of a lease: how often the key is written, and after what part of it without success a member stands back. */
const RENEWALS = 4
const STANDS_BACK = 0.75

/** What a member that left is remembered by goes after this, so many of them at a time. */
const SWEPT_AFTER_MS = 60_000
const MOST_SWEPT = 100

export interface MembersEvents {
  /** Somebody came or went, or a shard has another record. */
  changed(): void
  /** This member's key could not be written in time, or the watch has ended: it no longer counts. */
  expired(error: Error): void
}

interface Seen {
  revision: number
  at: number
}

export class LeaseMembers {
  readonly #context: Context
  readonly #group: Group
  readonly #wire: Wire
  readonly #events: MembersEvents
  readonly #membership: Membership
  readonly #seen = new Map<string, Seen>()
  readonly #shards = new Map<number, Standing>()
  readonly #prefix: string
  /** Keys of members who left long ago. */
  readonly #left: string[] = []
  #watch: QueuedIterator<KvWatchEntry> | undefined
  #renewedAt = 0
  #revision = 0
  #timer: Timer | undefined
  #ended = false

  constructor(self: string, group: Group, context: Context, wire: Wire, events: MembersEvents) {
    this.#context = context
    this.#group = group
    this.#wire = wire
    this.#events = events
    this.#membership = new Membership(self)
    this.#prefix = `${context.names.leases(group)}.`
  }

  get self(): string {
    return this.#membership.self
  }

  /** The shards that are this member's by the list of members. */
  get shards(): readonly number[] {
    return this.#membership.shardsOf(this.#group.channel.shards)
  }

  /** Whether the others still count this member in, for a while yet. Once not, never again: what was held back meanwhile is void. */
  get isHeld(): boolean {
    const { runtime, settings } = this.#context
    if (this.#ended) return false
    if (runtime.monotonic() - this.#renewedAt < settings.leaseMs * STANDS_BACK) return true
    runtime.defer(() => this.#expire(new Error('the lease was not renewed in time')))
    return false
  }

  isMember(id: string): boolean {
    return this.#membership.members.includes(id)
  }

  standingOf(shard: number): Standing | undefined {
    return this.#shards.get(shard)
  }

  /** What this member has written itself, before the watch tells. */
  stands(shard: number, is: Standing): void {
    if ((this.#shards.get(shard)?.revision ?? 0) < is.revision) this.#shards.set(shard, is)
  }

  /** Resolves when the others can see this member, and it has seen them. */
  async join(): Promise<void> {
    await this.#renew()
    const { bucket } = await this.#wire.registry()
    const watch = await bucket.watch({ key: `${this.#prefix}>` })
    if (this.#ended) return watch.stop()
    this.#watch = watch
    await new Promise<void>((resolve) => void this.#follow(watch, resolve))
    this.#schedule()
    void this.#sweep()
  }

  /** Tells the others that this member goes; its shards have been let go. */
  async leave(): Promise<void> {
    this.end()
    const { bucket } = await this.#wire.registry()
    await bucket.delete(this.#keyOf(this.self))
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#watch?.stop()
  }

  /** What a deleted key leaves behind is of use to nobody who has not seen the key. */
  async #sweep(): Promise<void> {
    const { prefix } = this.#context.settings
    const keys = this.#left.splice(0, MOST_SWEPT)
    const sweeping = keys.map((key) => this.#wire.api.purgeSubject(`KV_${prefix}`, `$KV.${prefix}.${key}`))
    // Others sweep, too; what is left is swept by who comes next.
    await Promise.allSettled(sweeping)
  }

  /** Calls `known` once its own key has come by: everything older has come before it. */
  async #follow(watch: QueuedIterator<KvWatchEntry>, known: () => void): Promise<void> {
    let own: KvWatchEntry | undefined
    const before: KvWatchEntry[] = []
    try {
      for await (const entry of watch) {
        if (this.#ended) break
        if (own === undefined) {
          before.push(entry)
          if (entry.key !== this.#keyOf(this.self) || entry.revision < this.#revision) continue
          own = entry
          for (const each of before) this.#take(each, entry)
          known()
        } else if (this.#take(entry, undefined)) this.#events.changed()
      }
    } catch (error) {
      this.#expire(asError(error))
    }
    known()
    if (!this.#ended) this.#expire(new Error('the watch of the group has ended'))
  }

  /** @param own of the first look: what was not written for a lease before it belongs to who has gone @returns whether it is news */
  #take(entry: KvWatchEntry, own: KvWatchEntry | undefined): boolean {
    const [kind, id = ''] = entry.key.slice(this.#prefix.length).split('.')
    if (kind === 'shard') return this.#takeShard(Number(id), standing(entry))
    if (kind !== 'member' || id === this.self) return false
    if (entry.operation !== 'PUT') {
      if (own !== undefined && own.created.getTime() - entry.created.getTime() > SWEPT_AFTER_MS)
        this.#left.push(entry.key)
      this.#seen.delete(id)
      return this.#membership.remove(id)
    }
    const { runtime, settings } = this.#context
    // By the server's clock alone.
    const age = own === undefined ? 0 : own.created.getTime() - entry.created.getTime()
    this.#seen.set(id, { revision: entry.revision, at: runtime.monotonic() - age })
    return age > settings.leaseMs ? false : this.#membership.add(id)
  }

  #takeShard(shard: number, is: Standing | undefined): boolean {
    if (is === undefined) return this.#shards.delete(shard)
    if ((this.#shards.get(shard)?.revision ?? 0) >= is.revision) return false
    this.#shards.set(shard, is)
    return true
  }

  #schedule(): void {
    if (this.#ended) return
    const { runtime, settings } = this.#context
    this.#timer = runtime.setTimer(settings.leaseMs / RENEWALS, () => void this.#tick())
  }

  async #tick(): Promise<void> {
    try {
      await this.#renew()
      if (await this.#missing()) this.#events.changed()
    } catch (error) {
      if (!this.isHeld) return this.#expire(asError(error))
    }
    if (this.isHeld) this.#schedule()
  }

  async #renew(): Promise<void> {
    const begun = this.#context.runtime.monotonic()
    const { bucket } = await this.#wire.registry()
    this.#revision = await bucket.put(this.#keyOf(this.self), String(this.#context.runtime.now()))
    // Too late: it has stood back meanwhile.
    if (this.#renewedAt === 0 || this.isHeld) this.#renewedAt = begun
  }

  /** Takes those from the list who have been silent for a lease. @returns whether there were any */
  async #missing(): Promise<boolean> {
    const { runtime, settings } = this.#context
    let news = false
    for (const [id, seen] of this.#seen) {
      if (runtime.monotonic() - seen.at <= settings.leaseMs) continue
      const { bucket } = await this.#wire.registry()
      // Asked once more: the watch may be late.
      const entry = await bucket.get(this.#keyOf(id))
      if (entry !== null && entry.operation === 'PUT' && entry.revision !== seen.revision) {
        this.#seen.set(id, { revision: entry.revision, at: runtime.monotonic() })
        continue
      }
      this.#seen.delete(id)
      news = this.#membership.remove(id) || news
      // Swept away, unless it has come back this moment.
      await bucket.delete(this.#keyOf(id), { previousSeq: seen.revision }).catch(() => undefined)
    }
    return news
  }

  #expire(error: Error): void {
    if (this.#ended) return
    this.end()
    const { channel, name } = this.#group
    const what = `the membership of group ${name} of channel ${channel.name} has ended: ${error.message}`
    this.#events.expired(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', what, { cause: error }))
  }

  #keyOf(id: string): string {
    return `${this.#prefix}member.${id}`
  }
}
