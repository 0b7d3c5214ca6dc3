// How a member becomes the owner of a shard, so that no former owner can settle, hand out or put into the lane anything
// that counts.
//
//   1  the shard's record is written with this member's id: that write's revision is the fencing token. Of several who try,
//      one succeeds, because each names the revision that it has seen
//   2  the former owner's consumers are asked how far they were, and deleted: from now on nothing that it settles
//      reaches anything, and nothing more is handed to it
//   3  a consumer of the lane is made, and a marker put into the lane. What lies before the marker is the truth. What a
//      former owner still puts behind it counts for nothing: it could not acknowledge the original any more, which is
//      therefore still there, and the copy is thrown away
//   4  a consumer of the main stream is made where the former one was, and one of what came back from the dead letters
//   5  the record is written again, with what is known now
//
// A member that dies on the way leaves a record that names the consumers that may be there; the next one deletes them.
import { WaybillError } from '../../../message/errors.ts'
import type { Group } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import { NO_OWNER, type Source } from '../declarer.ts'
import { settledTo } from '../progress.ts'
import type { Wire } from '../wire.ts'
import { markerHeaders, markerMessage } from './lane-message.ts'
import { shardKey, standing, type ShardRecord, type Standing } from './shard-record.ts'

/** Ranges kept of what was handed out and not settled: more than any limit of deliveries counts to. */
const MOST_RANGES = 32

export interface Taken {
  readonly token: number
  /** Of the record as it was last written by this owner. */
  revision: number
  readonly record: ShardRecord
  readonly main: { readonly stream: string; readonly consumer: string }
  readonly lane: { readonly stream: string; readonly consumer: string }
  /** Of what came back from the dead letters. */
  readonly again: { readonly stream: string; readonly consumer: string }
}

/** `undefined`: another member was quicker. */
export async function takeShard(
  context: Context,
  wire: Wire,
  group: Group,
  shard: number,
  self: string,
  before: Standing | undefined,
): Promise<Taken | undefined> {
  const { names, declarer } = context
  const registry = await wire.registry()
  const key = shardKey(context, group, shard)
  const older = before === undefined ? [NO_OWNER] : [...before.record.older, before.token]
  const known: Progress = before?.record ?? { of: '', next: 1, unsettled: [] }
  const claim: Omit<ShardRecord, 'token'> = { ...progressIn(known), owner: self, older }
  const token = await registry.write(key, JSON.stringify(claim), before?.revision)
  if (token === undefined) return undefined

  const { source } = await declarer.source(group)
  const reached = await ended(context, wire, group, shard, source, older)
  const stream = await wire.api.stream(source.stream)
  if (stream === undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `stream ${source.stream} does not exist`)
  // A stream that was made anew is unread.
  const progress = advanced(
    known.of === stream.created ? known : { of: stream.created, next: 1, unsettled: [] },
    reached,
  )

  const side = names.side(group.channel)
  const lane = names.laneConsumer(group, shard, token)
  const main = names.shardConsumer(group, shard, token)
  const again = names.againConsumer(group, shard, token)
  const all = { deliver_policy: 'all' as const }
  await wire.api.createConsumer(side, declarer.ownedConsumer(lane, names.lane(group, shard, '*'), all))
  await mark(context, wire, group, shard, token)
  await wire.api.createConsumer(side, declarer.ownedConsumer(again, names.again(group, shard), all))
  // What is settled in a work queue is not there any more.
  const from = { deliver_policy: 'by_start_sequence' as const, opt_start_seq: progress.next }
  const start = stream.config.retention === 'workqueue' ? all : from
  await wire.api.createConsumer(source.stream, declarer.ownedConsumer(main, names.filter(group.channel, shard), start))

  const record: ShardRecord = { ...progress, owner: self, token, older: [] }
  const revision = await registry.write(key, JSON.stringify(record), token)
  if (revision === undefined) return undefined
  const inSide = (consumer: string): Taken['lane'] => ({ stream: side, consumer })
  const read = { main: { stream: source.stream, consumer: main }, lane: inSide(lane), again: inSide(again) }
  return { token, revision, record, ...read }
}

/** How far a shard is, as its record tells. */
type Progress = Pick<ShardRecord, 'of' | 'next' | 'unsettled' | 'left'>

function progressIn({ of, next, unsettled, left }: Progress): Progress {
  return { of, next, unsettled, ...(left === undefined || left.to < next ? {} : { left }) }
}

/** @param reached by the former owner; `undefined` when its consumer is gone */
function advanced(known: Progress, reached: Reached | undefined): Progress {
  if (reached === undefined) return progressIn(known)
  const { from, to } = reached
  const ranges = known.unsettled.filter(([, end]) => end > from)
  if (to > from) ranges.push([from, to])
  return progressIn({ ...known, next: from + 1, unsettled: ranges.slice(-MOST_RANGES) })
}

/** What has been settled up to, and handed out up to, by the former owner that came farthest. */
interface Reached {
  readonly from: number
  readonly to: number
}

async function ended(
  { names }: Context,
  { api }: Wire,
  group: Group,
  shard: number,
  source: Source,
  older: readonly number[],
): Promise<Reached | undefined> {
  let reached: Reached | undefined
  for (const token of older) {
    const main = names.shardConsumer(group, shard, token)
    const info = await api.consumer(source.stream, main)
    if (info !== undefined) {
      const found = { from: settledTo(info), to: info.delivered.stream_seq }
      if (reached === undefined || found.from >= reached.from) reached = found
      await api.deleteConsumer(source.stream, main)
    }
    for (const consumer of [names.laneConsumer(group, shard, token), names.againConsumer(group, shard, token)])
      await api.deleteConsumer(names.side(group.channel), consumer)
  }
  return reached
}

async function mark(
  { names, runtime }: Context,
  wire: Wire,
  group: Group,
  shard: number,
  token: number,
): Promise<void> {
  const [result] = await wire.publisher.publish([
    {
      subject: names.lane(group, shard, token),
      message: markerMessage(runtime.now()),
      to: 'stream',
      more: markerHeaders(token),
    },
  ])
  if (result?.outcome === 'accepted') return
  const cause = result !== undefined && 'error' in result ? result.error : undefined
  throw new WaybillError('WAYBILL_REFUSED', `the lane of shard ${shard} of ${group.name} takes no marker`, { cause })
}

/** Lets go: whoever wants the shard may take it at once. `false` when it was lost before. */
export async function releaseShard(
  context: Context,
  wire: Wire,
  group: Group,
  shard: number,
  taken: Taken,
): Promise<boolean> {
  const registry = await wire.registry()
  const record: ShardRecord = { ...taken.record, owner: '' }
  return (await registry.write(shardKey(context, group, shard), JSON.stringify(record), taken.revision)) !== undefined
}

/** What stands of the shard now. */
export async function shardStanding(
  context: Context,
  wire: Wire,
  group: Group,
  shard: number,
): Promise<Standing | undefined> {
  return standing(await (await wire.registry()).get(shardKey(context, group, shard)))
}
