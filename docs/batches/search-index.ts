import { contract, event, service, type } from 'waybill'

export const products = contract(
  'products',
  { shards: 4 },
  { changed: event(type<{ id: string; title: string }>(), { key: ({ id }) => id }) },
)

/** Answers which of the documents were refused, and why. */
export type Bulk = (documents: readonly object[], signal: AbortSignal) => Promise<ReadonlyMap<number, string>>

export function searchIndex(bulk: Bulk) {
  return service('search').onBatch(
    products.changed,
    async (batch, { signal }) => {
      const refused = await bulk(
        batch.items.map(({ body }) => body),
        signal,
      )
      for (const [nth, item] of batch.items.entries()) {
        const why = refused.get(nth)
        if (why !== undefined) batch.fail(item, new Error(why))
      }
    },
    { batch: { size: 100, wait: '50ms' } },
  )
}
