import type { ConsumerInfo } from '@nats-io/jetstream'
import type { InspectedGroup } from '../../transport/engine.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { isOrdered, isStored } from './names.ts'
import { shardConsumers } from './ordered/shard-record.ts'
import { callRoll } from './roll-call.ts'

/** What the server says of a group now. What does not exist counts as empty. */
export async function inspectGroup(context: Context, group: Group): Promise<InspectedGroup> {
  const { names } = context
  const { connection } = context.wire()
  const rolled = callRoll(connection, names.here(group), context.wire().newInbox(), context.runtime)
  const stored = isStored(group.channel)
  const [consumers, deadLetters, redriven, sources] = await Promise.all([
    rolled,
    countOf(context, group, names.deadLetters(group)),
    isOrdered(group) ? countOf(context, group, names.again(group, '*')) : 0,
    stored ? consumersOf(context, group) : [],
  ])
  const pending = sources.reduce((sum, info) => sum + info.num_pending, 0)
  const unsettled = sources.reduce((sum, info) => sum + info.num_ack_pending, redriven)
  return {
    snapshot: {
      channel: group.channel.name,
      group: group.name,
      // With nobody there, what was handed out is on its way back.
      depth: pending + (consumers === 0 ? unsettled : 0),
      consumers,
      deadLetters,
    },
    lag: pending + unsettled,
  }
}

/** Messages of the side stream under such subjects. */
async function countOf({ wire, names }: Context, group: Group, subject: string): Promise<number> {
  const side = await wire().api.stream(names.side(group.channel), subject)
  return Object.values(side?.state.subjects ?? {}).reduce((sum, count) => sum + count, 0)
}

/** Its consumers on the channel's stream, and those of its retries. */
async function consumersOf(context: Context, group: Group): Promise<readonly ConsumerInfo[]> {
  const { wire, names, declarer } = context
  const { api } = wire()
  const side = names.side(group.channel)
  const stream =
    group.channel.foreign === undefined
      ? names.stream(group.channel)
      : await declarer.source(group).then(({ source }) => source.stream)
  const mains = isOrdered(group)
    ? await shardConsumers(context, group)
    : [{ main: declarer.consumerName(group), lane: undefined }]
  const found = await Promise.all([
    ...mains.flatMap(({ main, lane }) => [
      api.consumer(stream, main),
      lane === undefined ? undefined : api.consumer(side, lane),
    ]),
    api.consumer(side, names.retryConsumer(group)),
  ])
  return found.filter((info) => info !== undefined)
}
