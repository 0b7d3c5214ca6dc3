// THE STORE SEAM: what a database of the user's must do, so that messages and business data change together or not at all.
// Rows and transactions cross it; no bus, no typed message, no SQL.
import type { Channel } from '../message/channel.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ReturnAddress } from '../transport/transport.ts'
import type { OutboxOperations } from './outbox-operations.ts'

export type * from './outbox-operations.ts'

/**
 * One database, reached through the user's own pool. `Tx` is what the user's code writes with: the pool's client, or the
 * transaction object of a query builder. Every method rejects with the driver's error as `cause`.
 */
export interface Store<Tx> {
  /** For messages to people: `postgres`, `mysql`, `sqlite`. */
  readonly name: string
  /** How long the inbox remembers at least, in milliseconds. */
  readonly inboxRetentionMs: number
  /** Makes the tables, or brings them up to date; checks what the database can do. Idempotent, also among processes. */
  open(runtime: Runtime, signal: AbortSignal): Promise<void>
  /** Runs `work` in a transaction of its own: commits when it resolves, rolls back when it rejects. Tries nothing again. */
  transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R>
  /** What Waybill keeps, read and written within `tx`. */
  within(tx: Tx): StoreSession
  readonly outbox: OutboxTable
  /** Deletes what the inbox need not remember any more, at most `limit` rows; how many it were. */
  forgetReceived(limit: number): Promise<number>
  /** Ends what `open` began. The user's pool stays open. */
  close(): Promise<void>
}

export interface StoreSession {
  /**
   * Inbox: notes that `group` handles these keys now; answers those that it had handled before. One statement for all. Where
   * another transaction has just noted one of them, waits for its end.
   */
  receive(group: string, keys: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Outbox: these leave when the transaction has committed, those of one key in this order. One statement for all that leave
   * at once, one for all that are to wait.
   */
  enqueue(rows: readonly NewOutboxRow[]): Promise<void>
  /** Takes back what is scheduled under these ids and has not been handed on; how many it were. */
  cancel(scheduleIds: readonly string[]): Promise<number>
  /** The first of `count` numbers that follow those given out before; others who ask for the same counter wait for the commit. */
  nextSequence(counter: string, count: number): Promise<number>
  /** Notes `sequence` as the highest seen by `counter` where it is; answers the highest before, `undefined` at the first. */
  observeSequence(counter: string, sequence: number): Promise<number | undefined>
}

export interface NewOutboxRow {
  readonly message: WireMessage
  readonly to: Channel | ReturnAddress
  /** Not before this instant, in milliseconds since the epoch, by the database's clock. Absent: at once. */
  readonly dueAt?: number
  /** To take it back by, while it is not due. Unique among what is scheduled: the same id again changes nothing. */
  readonly scheduleId?: string
  /** Comes again this many milliseconds after it was due, each time with an id of its own: `<message.id>@<due time>`. */
  readonly everyMs?: number
}

/** What a row of the outbox is for the relay. */
export interface OutboxRow {
  /** Its place: rows of one lane are relayed in this order. */
  readonly position: bigint
  /** By the hash of its key, or of its id where it has none, from 0 below {@link OUTBOX_LANES}: what one relay at a time sends. */
  readonly lane: number
  readonly message: WireMessage
  readonly to: Channel | ReturnAddress
  /** How often the broker has refused it. */
  readonly attempts: number
}

/** Fixed: it is written in every row. */
export const OUTBOX_LANES = 32

export interface OutboxTable {
  /**
   * Renews the lanes that `owner` holds and takes free ones, up to `most` in all; gives back those beyond. Answers what it
   * holds from now for `leaseMs`, by the database's clock.
   */
  claimLanes(owner: string, most: number, leaseMs: number): Promise<readonly number[]>
  /** How many relays claim lanes now, by their leases; those that have got none count, so that the others make room. */
  countOwners(): Promise<number>
  /** Gives back all lanes of `owner`. */
  releaseLanes(owner: string): Promise<void>
  /** Rows of these lanes in the order of their positions, beginning behind `after`; parked ones are passed by. */
  fetch(lanes: readonly number[], after: bigint, limit: number): Promise<readonly OutboxRow[]>
  /** They are stored at the broker. One statement for all. */
  remove(positions: readonly bigint[]): Promise<void>
  /** The broker has refused it: counts the attempt. */
  noteRefusal(position: bigint, error: string): Promise<void>
  /** The broker has refused it for the last time, which counts: it is passed by from now on, and kept with its error. */
  park(position: bigint, error: string): Promise<void>
  /** Moves what is due from the schedule to the outbox, at most `limit` rows, with what comes again noted; until when nothing more is due. */
  moveDue(limit: number): Promise<{ readonly moved: number; readonly nextInMs: number | undefined }>
  inspect(): Promise<OutboxSnapshot>
  /** Parked rows, oldest first. */
  parked(limit: number): Promise<readonly (OutboxRow & { readonly error: string })[]>
  /** Parked rows go on as if they were new, behind all that wait; how many it were. */
  unpark(positions: readonly bigint[]): Promise<number>
  /** For operators. */
  readonly operations: OutboxOperations
  /**
   * Calls `listener` soon after a transaction that enqueued something has committed, where the database tells; never for
   * certain: who listens looks by itself, too. `undefined` where the database cannot tell at all.
   */
  readonly onCommit: ((listener: () => void) => Promise<() => Promise<void>>) | undefined
}

export interface OutboxSnapshot {
  /** Rows that are not at the broker yet, without the parked ones. */
  readonly waiting: number
  readonly parked: number
  readonly scheduled: number
  /** Age of the oldest of the waiting ones in milliseconds; `undefined` where there is none. */
  readonly oldestMs: number | undefined
}
