import { asError } from '../../../message/as-error.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import { windowFor } from '../../../transport/ordered/hand-out.ts'
import type { OrderedDelivery } from '../../../transport/ordered/ordered-delivery.ts'
import { ShardHoldings, type HoldingsEvents } from '../../../transport/ordered/shard-holdings.ts'
import type { SubscriptionSpec } from '../../../transport/transport.ts'
import type { Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import { Lease } from '../lease.ts'
import { shardsOf } from '../names.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardFetcher } from './shard-fetcher.ts'
import { LeasedClaims } from './leased-claims.ts'
import { ShardMembers } from './shard-members.ts'
import type { ShardOwner } from './shard-owner.ts'
import type { Taken } from './take-over.ts'

export interface OrderedEvents extends Omit<HoldingsEvents<ShardOwner>, 'failed'> {
  handOut(delivery: OrderedDelivery<ShardItem>): void
  /** It hands out no more: what has not reached the application will not. */
  leaving(owner: ShardOwner): void
  /** The server no longer counts this member. */
  expired(error: Error): void
}

/** Everything of one time that a member of an ordered group is attached: its lease, its shards, its fetches. */
export class OrderedAttachment {
  readonly holdings: ShardHoldings<ShardOwner, Taken>
  readonly #context: Context
  readonly #connection: Connection
  readonly #lease: Lease
  readonly #members: ShardMembers
  readonly #fetcher: ShardFetcher
  readonly #deadlines: Deadlines
  #ended = false

  constructor(self: string, spec: SubscriptionSpec, context: Context, connection: Connection, events: OrderedEvents) {
    const { group, start, prefetch } = spec
    const failed = (error: Error): void => context.emit({ type: 'error', error })
    const expired = (error: Error): void => void (this.#ended || events.expired(error))
    this.#context = context
    this.#connection = connection
    this.#deadlines = new Deadlines(context.runtime)
    this.#members = new ShardMembers(self, shardsOf(group.channel))
    this.#lease = new Lease(self, group, context, connection, {
      members: (members) => this.#are(members),
      due: (inMs) => this.#fetcher.dueIn(inMs),
      expired,
    })
    const parts = {
      context,
      connection,
      group,
      deadlines: this.#deadlines,
      window: windowFor(prefetch),
      isHeld: () => this.isHeld,
      handOut: (delivery: OrderedDelivery<ShardItem>) => events.handOut(delivery),
      leaving: (owner: ShardOwner) => events.leaving(owner),
      freed: () => this.#fetcher.fetch(),
      fenced: (owner: ShardOwner) => this.holdings.fenced(owner),
      failed: (owner: ShardOwner, error: Error) => this.holdings.failed(owner, error),
    }
    const claims = new LeasedClaims(this.#members, parts, start)
    this.holdings = new ShardHoldings(claims, context.runtime, this.#deadlines, {
      taken: (owner) => {
        events.taken(owner)
        this.#fetcher.fetch()
      },
      revoked: (shard) => events.revoked(shard),
      lost: (error) => events.lost(error),
      dropped: (owner) => events.dropped(owner),
      failed,
    })
    this.#fetcher = new ShardFetcher(context, connection, group, {
      owners: () => this.holdings.owners,
      nudged: () => void this.#lease.beat(),
      fenced: (owner) => this.holdings.fenced(owner),
      failed: expired,
    })
  }

  /** Whether the others still count this member in. */
  get isHeld(): boolean {
    return !this.#ended && this.#lease.isHeld
  }

  /** Resolves when the server counts it as a member. `false`: it has ended meanwhile. */
  async join(): Promise<boolean> {
    const members = await this.#lease.join()
    if (this.#ended) return false
    this.#are(members)
    this.#fetcher.fetch()
    return true
  }

  /** Lets go of all, once the application has settled what it has, or the deadline has come. */
  async leave(deadlineMs: number): Promise<void> {
    try {
      await this.holdings.close(deadlineMs)
      this.#fetcher.end()
      if (!this.#ended && !this.#connection.isClosed) await this.#lease.leave()
    } catch (error) {
      // The others will miss us.
      this.#context.emit({ type: 'error', error: asError(error) })
    }
  }

  /** The link is lost, or all is let go: nothing of it counts. */
  end(): void {
    this.#ended = true
    this.#lease.end()
    this.#fetcher.end()
    this.holdings.end()
    this.#deadlines.clear()
  }

  #are(members: readonly string[]): void {
    if (this.#ended) return
    this.#members.are(members)
    this.holdings.reconcile()
  }
}
