import type { DeadLetterReason } from '../../message/failure.ts'
import type { Delivery } from '../../transport/transport.ts'

/** What became of one try to handle a message. */
export type Outcome =
  | { readonly action: 'ack' }
  | { readonly action: 'retry'; readonly afterMs: number; readonly error: unknown }
  /** What it needs is not there, which is no fault of it: it comes again as the same attempt, not before `afterMs`. */
  | { readonly action: 'put-off'; readonly afterMs: number; readonly error: unknown }
  | { readonly action: 'reject'; readonly reason: DeadLetterReason; readonly error: unknown }
  /** The bus closes, and the handler was stopped before it had handled the message: the broker hands it out again. */
  | { readonly action: 'return'; readonly error: unknown }

/** Handles one delivery and says what became of it. */
export type Process = (delivery: Delivery) => Promise<Outcome>

export const ACKNOWLEDGED: Outcome = { action: 'ack' }
