import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Publication, PublishResult } from '../amqp/engine.ts'
import type { DelayLadder } from './delay-ladder.ts'
import type { Publisher } from './publisher.ts'
import { isDelayed } from './route.ts'

/**
 * Publishes a batch of which some are delayed. While the ladder is not ready for all of them, which is once for each
 * queue, the others go first: a delayed message has no place in their order. Without a ladder the delayed are refused.
 */
export async function publishDelayed(
  publications: readonly Publication[],
  publisher: Publisher,
  ladder: DelayLadder | undefined,
): Promise<readonly PublishResult[]> {
  if (ladder !== undefined && publications.every((each) => !isDelayed(each) || ladder.isReady(each.routingKey)))
    return publisher.publish(publications)
  const immediate = publisher.publish(publications.filter((each) => !isDelayed(each)))
  const delayed = publications.filter(isDelayed)
  const refusals = await refusalsOf(delayed, ladder)
  const later = publisher.publish(delayed.filter((each) => !refusals.has(each.routingKey)))
  const results = { immediate: (await immediate).values(), later: (await later).values() }
  return publications.map((each) => {
    const refusal = isDelayed(each) ? refusals.get(each.routingKey) : undefined
    return refusal ?? (results[isDelayed(each) ? 'later' : 'immediate'].next().value as PublishResult) // one for each
  })
}

/** Why the ladder cannot take messages for some queues, by queue. */
async function refusalsOf(
  delayed: readonly Publication[],
  ladder: DelayLadder | undefined,
): Promise<ReadonlyMap<string, PublishResult>> {
  const refusals = new Map<string, PublishResult>()
  await Promise.all(
    Array.from(new Set(delayed.map((each) => each.routingKey)), async (queue) => {
      try {
        if (ladder === undefined)
          throw new WaybillError('WAYBILL_UNSUPPORTED', 'delays need RabbitMQ 3.10: quorum queues that cannot lose')
        await ladder.ready(queue)
      } catch (error) {
        refusals.set(
          queue,
          isWaybillError(error, 'WAYBILL_NOT_FOUND')
            ? { outcome: 'unroutable' }
            : { outcome: 'refused', error: error instanceof Error ? error : new Error(String(error)) },
        )
      }
    }),
  )
  return refusals
}
