// What an operator sees of an outbox, and decides about what the relay has put aside.
import type { Channel } from '../message/channel.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { ReturnAddress } from '../transport/transport.ts'

export interface OutboxOperations {
  /** What there is for each channel, most first, of at most `channels`. */
  backlog(channels: number): Promise<OutboxBacklog>
  /** Parked rows behind the position `after`, oldest first. */
  parked(after: bigint, limit: number): Promise<readonly ParkedRow[]>
  /** One that is parked, with its body. */
  find(position: bigint): Promise<(ParkedRow & { readonly body: Uint8Array }) | undefined>
  /** Deletes a parked row for good, and writes down that it was, in one transaction. `undefined` where it is not parked. */
  remove(position: bigint, by: string, note: string): Promise<RemovedRow | undefined>
  /** What was removed, the newest first; before that of this `number`, where one is given. */
  removed(before: bigint | undefined, limit: number): Promise<readonly RemovedRow[]>
}

export interface OutboxBacklog {
  readonly channels: readonly ChannelBacklog[]
  /** Each channel is there, with all of its rows: neither were too many. */
  readonly complete: boolean
}

export interface ChannelBacklog {
  readonly to: Channel | ReturnAddress
  readonly waiting: number
  readonly parked: number
  /** Age of the oldest of the waiting ones in milliseconds; `undefined` where there is none. */
  readonly oldestMs: number | undefined
}

/** A message of the outbox but for its body. Times are milliseconds since the epoch, by the database's clock. */
interface RowForPeople {
  /** Its place in the outbox. */
  readonly position: bigint
  readonly message: Omit<WireMessage, 'body'>
  /** Size of the body. */
  readonly bytes: number
  readonly to: Channel | ReturnAddress
  /** How often the broker has refused it. */
  readonly attempts: number
  /** The last refusal. */
  readonly error: string
  readonly writtenAt: number
  /** `undefined` where a version of Waybill has parked it that does not note that. */
  readonly parkedAt: number | undefined
}

export type ParkedRow = RowForPeople

export interface RemovedRow extends RowForPeople {
  /** In the order of removals. */
  readonly number: bigint
  readonly removedAt: number
  readonly by: string
  readonly note: string
  /** Of the body, in hexadecimal digits: the body itself is gone. */
  readonly sha256: string
}
