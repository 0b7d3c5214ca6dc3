import type { ConsumerInfo } from '@nats-io/jetstream'

/** How far a group is. */
export interface Progress {
  /** When the stream was made that the sequence is of. */
  readonly of: string
  readonly sequence: number
}

/** The sequence in its stream up to which everything that is for the consumer has been settled. */
export function settledTo({ ack_floor, delivered, num_ack_pending, config }: ConsumerInfo): number {
  if (num_ack_pending === 0) return delivered.stream_seq
  // Before the first acknowledgement the floor is not told.
  return Math.max(ack_floor.stream_seq, (config.opt_start_seq ?? 1) - 1)
}
