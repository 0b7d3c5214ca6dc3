import type { SequenceStanding } from '../../inbox/sequence.ts'
import type { Context } from './context.ts'
import type { Scheduler } from '../sending/transaction-sender.ts'

/**
 * The context of a handler of a service with a store. `publish`, `send`, `requestAsync`, `schedule` and the reply are part of
 * its transaction: they leave when it has committed. `request` and `scatter` go out at once.
 */
export interface TransactionalContext<Tx> extends Context, Scheduler {
  /** The transaction that the message is handled in. Waybill commits it when the handler has returned, and rolls it back when it throws. */
  readonly tx: Tx
  /** Where the contract numbers its messages. */
  readonly sequence: SequenceStanding | undefined
}
