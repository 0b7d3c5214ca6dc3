import { WaybillError } from '../../message/errors.ts'
import type { StartPosition } from '../../transport/transport.ts'
import { EARLIEST, LATEST, offsetsOf } from './offsets.ts'
import type { Session } from './session.ts'

/** The first offset to read of each partition. A shard that `positions` does not name is read from its beginning. */
export async function startOffsets(session: Session, topic: string, start: StartPosition): Promise<readonly bigint[]> {
  if (start === 'now') return await offsetsOf(session, topic, LATEST)
  if (start === 'earliest') return await offsetsOf(session, topic, EARLIEST)
  if ('time' in start) return await offsetsOf(session, topic, Math.max(0, Math.floor(start.time)))
  const [earliest, latest] = await Promise.all([offsetsOf(session, topic, EARLIEST), offsetsOf(session, topic, LATEST)])
  return earliest.map((oldest, shard) => {
    const position = start.positions[shard]
    if (position === undefined) return oldest
    if (!/^\d{1,18}$/.test(position)) throw new TypeError(`${position} is no position of topic ${topic}`)
    const next = BigInt(position) + 1n
    if (next < oldest || next > (latest[shard] ?? 0n))
      throw new WaybillError(
        'WAYBILL_POSITION_GONE',
        `shard ${shard} of topic ${topic} keeps ${oldest} to ${latest[shard] ?? 0n}, and what follows ${position} is not there`,
      )
    return next
  })
}
