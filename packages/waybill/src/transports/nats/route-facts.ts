import { WaybillError } from '../../message/errors.ts'
import type { RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { CORE_FACTS, storedFacts } from './facts.ts'
import { foreignEntity } from './foreign.ts'
import { isOrdered, isStored } from './names.ts'

/** What a shard's next owner needs beyond the lease of one that is silent. */
export const TAKE_OVER_MS: number = 2_000

/** @throws {WaybillError} WAYBILL_NOT_FOUND when the channel has not been declared */
export async function routeFactsOf({ wire, declarer, names, settings }: Context, group: Group): Promise<RouteFacts> {
  const { channel } = group
  if (!isStored(channel)) return CORE_FACTS
  const { api } = wire()
  const name =
    channel.foreign === undefined ? names.stream(channel) : (await foreignEntity(api, channel.foreign)).stream
  const stream = await api.stream(name)
  if (stream === undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `stream ${name} does not exist`)
  const { ackWaitMs, leaseMs, syncIntervalMs } = settings
  // An ordered group's consumers are made by their owners, like all that are made here.
  if (isOrdered(group)) return storedFacts(stream, undefined, syncIntervalMs, leaseMs + TAKE_OVER_MS)
  return storedFacts(stream, await api.consumer(name, declarer.consumerName(group)), syncIntervalMs, ackWaitMs)
}
