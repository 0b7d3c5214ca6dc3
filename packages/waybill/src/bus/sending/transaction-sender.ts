// Sends that are part of a transaction, and what is sent when it is due.
import type { AnyCommand, AnyDocument, AnyStoredEvent, In } from '../../contract/contract.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { Sender, Sent } from './sender.ts'

/** When, and under which name. Give `at`, or `in`. */
export type ScheduleOptions = {
  /**
   * The name of the schedule: the same again changes nothing while it waits, and `cancelScheduled` takes it back. 1 to 200
   * bytes.
   */
  readonly id: string
  /** Comes again and again, this long after it was due. What was missed meanwhile comes once. */
  readonly every?: Duration
  /** The shard key, instead of the contract's. */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Nobody wants it this long after it was due. */
  readonly expiresIn?: Duration
} & (
  | { readonly at: Date; readonly in?: never }
  /** From now, of any length. */
  | { readonly in: Duration; readonly at?: never }
)

export interface Scheduler {
  /**
   * Sends the message when it is due, by the database's clock, whatever restarts until then. Its id is `<id>@<due time in
   * milliseconds>`: one for each time it is due. Resolves when the schedule is stored.
   *
   * @throws {TypeError} when an option is not what it must be, or the message is numbered
   */
  schedule<M extends AnyStoredEvent | AnyCommand | AnyDocument>(
    message: M,
    body: In<M>,
    options: ScheduleOptions,
  ): Promise<Sent>
  /** Takes a schedule back; whether it was still there. What has been handed on already is not. */
  cancelScheduled(id: string): Promise<boolean>
}

/** `publish`, `send` and `requestAsync` as part of a transaction of the user's: they leave when it has committed, or never. */
export type DatabaseSender = Pick<Sender, 'publish' | 'send' | 'requestAsync'>

/** The same by way of an outbox, and what is scheduled. */
export interface TransactionSender extends DatabaseSender, Scheduler {}
