import type { StartPosition } from '../../transport/transport.ts'
import { compareIds, idBefore, isId } from './ids.ts'

/**
 * Where reading of each shard begins: `$` for the end of now, an id to begin behind, `=<id>` for one that must be there.
 *
 * Ids begin with the server's time, so a shard that is not named begins behind the oldest of those named.
 */
export function startsOf(start: StartPosition, shards: number): readonly string[] {
  return Array.from({ length: shards }, (_, shard) => startOf(start, shard))
}

function startOf(start: StartPosition, shard: number): string {
  if (start === 'now') return '$'
  if (start === 'earliest') return '0-0'
  if ('time' in start) return idBefore(`${Math.max(0, Math.ceil(start.time))}-0`)
  const positions = Object.values(start.positions)
  for (const each of positions)
    if (!isId(each)) throw new TypeError(`${JSON.stringify(each)} is no position of this transport`)
  const own = start.positions[shard]
  if (own !== undefined) return `=${own}`
  return positions.toSorted(compareIds)[0] ?? '0-0'
}
