import { WaybillError } from '../../message/errors.ts'
import type { RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { CORE_FACTS, storedFacts } from './facts.ts'
import { isOrdered, isStored } from './names.ts'

/** @throws {WaybillError} WAYBILL_NOT_FOUND when the group has not been declared */
export async function routeFactsOf({ wire, declarer, settings }: Context, group: Group): Promise<RouteFacts> {
  if (!isStored(group.channel)) return CORE_FACTS
  const { api } = wire()
  const { source } = await declarer.source(group)
  const stream = await api.stream(source.stream)
  if (stream === undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `stream ${source.stream} does not exist`)
  // An ordered group's consumers are made by their owners, like all that are made here.
  const consumer = isOrdered(group) ? undefined : await api.consumer(source.stream, declarer.consumerName(group))
  return storedFacts(stream, consumer, settings.syncIntervalMs)
}
