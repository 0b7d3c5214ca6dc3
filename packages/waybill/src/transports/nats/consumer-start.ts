import type { ConsumerConfig, StreamInfo } from '@nats-io/jetstream'
import { WaybillError } from '../../message/errors.ts'
import type { StartPosition } from '../../transport/transport.ts'

export type ConsumerStart = Pick<Partial<ConsumerConfig>, 'deliver_policy' | 'opt_start_seq' | 'opt_start_time'>

/**
 * Where a new consumer of an event stream begins. `now` is the sequence of now: the server's own policy `new` is settled
 * when the consumer first runs, and so could be later.
 *
 * Positions are sequences of the whole stream. A shard that is not named begins behind the oldest of those named.
 *
 * @param shard whose position counts; `undefined`: the consumer has all of them
 * @throws {WaybillError} WAYBILL_POSITION_GONE
 */
export function consumerStart(start: StartPosition, shard: number | undefined, stream: StreamInfo): ConsumerStart {
  if (start === 'earliest') return { deliver_policy: 'all' }
  if (start === 'now') return after(stream.state.last_seq)
  if ('time' in start)
    return { deliver_policy: 'by_start_time', opt_start_time: new Date(Math.max(0, start.time)).toISOString() }
  const positions = Object.values(start.positions).map(sequenceOf)
  if (positions.length === 0) return { deliver_policy: 'all' }
  const own = shard === undefined ? undefined : start.positions[shard]
  const position = own === undefined ? Math.min(...positions) : sequenceOf(own)
  const { first_seq, last_seq } = stream.state
  if (position + 1 < first_seq || position > last_seq)
    throw new WaybillError(
      'WAYBILL_POSITION_GONE',
      `stream ${stream.config.name} has positions ${first_seq} to ${last_seq}; reading was to begin behind ${position}`,
    )
  return after(position)
}

function after(sequence: number): ConsumerStart {
  return { deliver_policy: 'by_start_sequence', opt_start_seq: sequence + 1 }
}

function sequenceOf(position: string): number {
  if (/^\d{1,15}$/.test(position)) return Number(position)
  throw new TypeError(`${JSON.stringify(position)} is no position of this transport`)
}
