// A group that begins in the past: a message that is stored while the group is made must reach it exactly once, from the
// history or from who stores it. So nobody stores one while the group's row is made; it names the last id of the past, up to
// which the history is copied afterwards. Whoever finds a group with such a mark copies, so that a crash in between loses nothing.
import { WaybillError } from '../../message/errors.ts'
import type { Group, StartPosition } from '../../transport/transport.ts'
import { isOrdered } from './names.ts'
import { LOCK_NOT_AVAILABLE, sqlState } from './postgres-errors.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/** Who stores messages waits as long, while it waits for who is at it: a transaction of the user's may be long. */
const LOCK_MS = 500
const MOST_TRIES = 20

/** Behind every position of a shard: what stands in Delivery.position. */
export function positionOf(xact: string, id: string): string {
  return `${xact}.${id}`
}

/** @throws {WaybillError} WAYBILL_POSITION_GONE */
export async function checkPositions(
  wire: Wire,
  sql: Statements,
  channelId: number,
  { channel, name }: Group,
  start: StartPosition | undefined,
): Promise<void> {
  if (typeof start !== 'object' || !('positions' in start)) return
  for (const [shard, position] of Object.entries(start.positions)) {
    const [xact, id] = /^(\d{1,20})\.(\d{1,19})$/.exec(position)?.slice(1) ?? []
    const found = xact === undefined ? [] : await wire.control.run(sql.isKept, [channelId, Number(shard), xact, id])
    if (found.length === 0)
      throw new WaybillError(
        'WAYBILL_POSITION_GONE',
        `group ${name} begins behind position ${position} of shard ${shard} of channel ${channel.name}, which is not kept (any more)`,
      )
  }
}

export async function createGroupInThePast(
  wire: Wire,
  sql: Statements,
  channelId: number,
  group: Group,
  start: Exclude<StartPosition, 'now'>,
): Promise<void> {
  await checkPositions(wire, sql, channelId, group, start)
  const since = typeof start === 'object' && 'time' in start ? Math.ceil(start.time) : null
  const after = typeof start === 'object' && 'positions' in start ? start.positions : undefined
  const afterEach =
    after === undefined ? null : Array.from({ length: group.channel.shards }, (_, n) => after[n] ?? null)
  const row = [channelId, group.name, isOrdered(group), group.types ?? null, afterEach, since]
  for (let tries = 1; ; tries++)
    try {
      return await wire.control.transaction(async (run) => {
        await run({ text: `SET LOCAL lock_timeout = ${LOCK_MS}` }, [])
        await run(sql.standStill, [])
        await run(sql.addGroupBehind, row)
      })
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE || tries >= MOST_TRIES) throw error
    }
}

/** In parts, so that nothing else has to wait for long; several members may be at it. */
export async function finishCopy(wire: Wire, sql: Statements, groupId: number): Promise<void> {
  while ((await wire.control.run(sql.copyHistory, [groupId])).length > 0);
}
