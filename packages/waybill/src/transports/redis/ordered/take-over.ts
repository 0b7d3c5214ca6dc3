// How a member becomes the owner of a shard: one script raises the token, and from then on the server takes nothing from a
// former owner. So the lane, and what is unsettled, are known in full by its answer.
import { WaybillError } from '../../../message/errors.ts'
import type { Group } from '../../../transport/transport.ts'
import { text, type Connection, type Reply } from '../connection.ts'
import { decodeMessage, fieldsIn } from '../message-mapping.ts'
import type { Names } from '../names.ts'
import type { LaneArrival } from '../../../transport/ordered/shard-gate.ts'
import type { ShardItem } from './shard-item.ts'

export interface Taken {
  readonly token: number
  /** Handed out to a former owner and not settled, oldest first. */
  readonly unsettled: readonly ShardItem[]
  readonly lane: readonly LaneArrival<ShardItem>[]
}

type Entry = readonly [id: Reply, fields: Reply, count?: Reply]

/** `undefined`: a member that lives has it. */
export async function takeShard(
  connection: Connection,
  names: Names,
  group: Group,
  shard: number,
  self: string,
): Promise<Taken | undefined> {
  const answer = await connection.run('takeShard', names.base(group.channel), [group.name, shard, self])
  const [outcome, token, unsettled, lane] = answer
  if (text(outcome) === 'HELD') return undefined
  if (text(outcome) === 'GONE') {
    const what = `shard ${shard} of group ${group.name} cannot be taken: ${text(token)}`
    throw new WaybillError('WAYBILL_SUBSCRIPTION_LOST', what)
  }
  return {
    token: Number(text(token)),
    unsettled: (unsettled as readonly Entry[]).map(([id, fields, count]) => itemIn(id, fields, Number(count))),
    lane: (lane as readonly Entry[]).map(arrivalIn),
  }
}

export function itemIn(id: Reply, fields: Reply, deliveryCount: number): ShardItem {
  return { message: decodeMessage(fieldsIn(fields)), from: 'main', id: text(id), deliveryCount }
}

/** One that came back from the dead letters. */
export function againIn(id: Reply, fields: Reply): ShardItem {
  const message = decodeMessage({ ...fieldsIn(fields), others: [] })
  return { message, from: 'again', id: text(id), deliveryCount: undefined }
}

/** Lets go: whoever wants the shard may take it at once. */
export async function releaseShard(
  connection: Connection,
  names: Names,
  group: Group,
  shard: number,
  token: number,
): Promise<void> {
  await connection.run('releaseShard', names.base(group.channel), [group.name, shard, token])
}

/** An entry of the lane has two fields more: `seq`, its place among the messages of its key, and `due`. */
function arrivalIn([id, fields]: Entry): LaneArrival<ShardItem> {
  const read = fieldsIn(fields)
  const message = decodeMessage({ ...read, others: [] })
  const numberOf = (name: string): number => Number(read.others.find(([each]) => each === name)?.[1] ?? 0)
  return {
    id: message.id,
    key: message.key ?? '',
    attempt: message.attempt,
    sequence: numberOf('seq'),
    due: numberOf('due'),
    delivery: { message, from: 'lane', id: text(id), deliveryCount: undefined },
  }
}
