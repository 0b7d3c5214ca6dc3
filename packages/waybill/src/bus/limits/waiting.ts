import type { Delivery } from '../../transport/transport.ts'

/** A delivery that is here and has not begun. */
export interface Waiting {
  readonly delivery: Delivery
  /** On the monotonic clock. */
  readonly since: number
  /** Its place in the order of arrival. */
  readonly ordinal: number
}
