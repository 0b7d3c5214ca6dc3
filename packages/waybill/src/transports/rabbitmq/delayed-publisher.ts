import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Publication, PublishResult } from '../amqp/engine.ts'
import type { Delays } from './delays.ts'
import type { Publisher } from './publisher.ts'
import { isDelayed } from './route.ts'

type Results = readonly PublishResult[]

/**
 * Publishes a batch of which some are delayed. While delays are not ready for all of their queues, which is once for each
 * queue, the others go first: a delayed message has no place in their order. Without `delays` the delayed are refused.
 */
export async function publishDelayed(
  publications: readonly Publication[],
  publisher: Pick<Publisher, 'publish'>,
  delays: Delays | undefined,
): Promise<Results> {
  if (delays === undefined || !publications.every((each) => !isDelayed(each) || delays.isReady(each.routingKey))) {
    const immediate = publisher.publish(publications.filter((each) => !isDelayed(each)))
    const delayed = await publishBound(publications.filter(isDelayed), publisher, delays)
    return woven(publications.map(isDelayed), await immediate, delayed)
  }
  const results = await publisher.publish(publications)
  const isReturned = publications.map((each, n) => isDelayed(each) && results[n]?.outcome === 'unroutable')
  if (!isReturned.includes(true)) return results
  // The queue was deleted, and its binding with it. When it has been declared again since, only the binding is missing.
  const returned = publications.filter((_, n) => isReturned[n])
  for (const { routingKey } of returned) delays.forget(routingKey)
  const others = results.filter((_, n) => isReturned[n] !== true)
  return woven(isReturned, others, await publishBound(returned, publisher, delays))
}

/** Publishes delayed messages once their queues are bound; where a queue is missing they are unroutable. */
async function publishBound(
  delayed: readonly Publication[],
  publisher: Pick<Publisher, 'publish'>,
  delays: Delays | undefined,
): Promise<Results> {
  const refusals = new Map<string, PublishResult>()
  await Promise.all(
    Array.from(new Set(delayed.map((each) => each.routingKey)), async (queue) => {
      try {
        if (delays === undefined)
          throw new WaybillError('WAYBILL_UNSUPPORTED', 'delays need RabbitMQ 3.10: quorum queues that cannot lose')
        await delays.ready(queue)
      } catch (error) {
        const isMissing = isWaybillError(error, 'WAYBILL_NOT_FOUND')
        refusals.set(queue, isMissing ? { outcome: 'unroutable' } : { outcome: 'refused', error: asError(error) })
      }
    }),
  )
  const isRefused = delayed.map((each) => refusals.has(each.routingKey))
  const refused = delayed.flatMap((each) => refusals.get(each.routingKey) ?? [])
  return woven(isRefused, await publisher.publish(delayed.filter((_, n) => isRefused[n] !== true)), refused)
}

/** Results in the order of their publications: those `picked` in turn, and the others in turn. */
function woven(isPicked: readonly boolean[], others: Results, picked: Results): Results {
  const next = { picked: picked.values(), others: others.values() }
  return isPicked.map((is) => next[is ? 'picked' : 'others'].next().value as PublishResult) // one for each
}
