// What must not compile. Checked by `npm run typecheck`; nothing here runs.
import { z } from 'zod'
import { command, contract, document, event, query, survey } from '../contract/contract.ts'
import type { Store } from '../store/store.ts'
import type { Bus, TransactionalBus } from './bus.ts'
import { createBus } from './create-bus.ts'
import { service } from './service/service.ts'

const orders = contract('orders', {
  place: command(z.object({ id: z.string() }), { reply: z.object({ number: z.number() }) }),
  placed: event(z.object({ id: z.string(), at: z.coerce.date() })),
  quote: query(z.object({ sku: z.string() }), z.object({ price: z.number() })),
  offers: survey(z.object({ kg: z.number() }), z.object({ price: z.number() })),
  invoice: document(z.object({ id: z.string() })),
  tick: event(z.object({ price: z.number() }), { stored: false }),
})
declare const bus: Bus
/** The transaction object of a user's database. */
interface Ledger {
  book(cents: number): Promise<void>
}
declare const store: Store<Ledger>
declare const ledger: Ledger
declare const books: TransactionalBus<Ledger>

export async function wrong(): Promise<void> {
  // @ts-expect-error a command is not published
  await bus.publish(orders.place, { id: '1' })
  // @ts-expect-error a document is not published
  await bus.publish(orders.invoice, { id: '1' })
  // @ts-expect-error an event is not sent
  await bus.send(orders.placed, { id: '1', at: new Date() })
  // @ts-expect-error a query is not sent
  await bus.send(orders.quote, { sku: 'a' })
  // @ts-expect-error a survey is not requested: many may answer
  await bus.request(orders.offers, { kg: 1 })
  // @ts-expect-error an event has no reply
  await bus.request(orders.placed, { id: '1', at: new Date() })
  // @ts-expect-error a query has one answerer
  bus.scatter(orders.quote, { sku: 'a' })
  // @ts-expect-error a body of another shape
  await bus.send(orders.place, { id: 1 })
  // @ts-expect-error a field too few
  await bus.publish(orders.placed, {})
  // @ts-expect-error what is not stored cannot be read again
  bus.read(orders.tick)
  // @ts-expect-error not a duration
  await bus.request(orders.quote, { sku: 'a' }, { timeout: '2 seconds' })
  // @ts-expect-error a contract is not a message of it
  await bus.explain([orders])
  // @ts-expect-error the reply has no such field
  void (await bus.request(orders.quote, { sku: 'a' })).cost
}

service('wrong')
  // @ts-expect-error a reply of another shape
  .answer(orders.quote, () => ({ price: 'no' }))
  // @ts-expect-error a command that declares a reply must return it
  .on(orders.place, () => {})
  // @ts-expect-error a query is answered
  .on(orders.quote, () => {})
  // @ts-expect-error an event is not answered
  .answer(orders.placed, () => {})
  // @ts-expect-error only events have groups
  .on(orders.invoice, () => {}, { group: 'x' })
  // @ts-expect-error what is not stored has no order
  .on(orders.tick, () => {}, { ordered: true })
  // @ts-expect-error what is not stored is no group's
  .on(orders.tick, () => {}, { group: 'x' })
  // @ts-expect-error what is not stored has no past
  .on(orders.tick, () => {}, { start: 'earliest' })
  // @ts-expect-error only requests have replies
  .onReply(orders.placed, () => {})

service('limits')
  // @ts-expect-error the key of a rate is text
  .on(orders.placed, () => {}, { rate: { limit: 1, per: '1s', key: ({ at }) => at } })
  // @ts-expect-error a rate is for some time
  .on(orders.placed, () => {}, { rate: { limit: 1 } })
  // @ts-expect-error a handler has its own timeout
  .on(orders.placed, () => {}, { killSwitch: { timeout: '1s' } })
  // @ts-expect-error not of one message
  .on(orders.placed, () => {}, { batch: { size: 5 } })
  // @ts-expect-error a batch has a size
  .onBatch(orders.placed, () => {}, {})
  // @ts-expect-error whoever sends it waits for a reply of its own
  .onBatch(orders.place, () => {}, { batch: { size: 5 } })
  // @ts-expect-error questions are answered one by one
  .onBatch(orders.quote, () => {}, { batch: { size: 5 } })
  // @ts-expect-error only events have groups
  .onBatch(orders.invoice, () => {}, { batch: { size: 5 }, group: 'x' })
  // @ts-expect-error a body of another shape
  .onBatch(orders.placed, (batch) => batch.items.map(({ body }) => body.price), { batch: { size: 5 } })
  // @ts-expect-error an item is put aside by its batch
  .onBatch(orders.placed, (batch) => batch.items[0]?.deadLetter('no'), { batch: { size: 5 } })

export async function right(): Promise<number> {
  const { routes } = await bus.explain([orders.place, orders.placed, orders.quote, orders.offers, orders.invoice])
  routes.forEach(({ retry }) => retry.attempts satisfies number)
  service('limited')
    .on(orders.placed, ({ id }) => void id, {
      rate: { limit: 1, per: '1s', key: ({ id }) => id },
      bulkhead: 2,
      killSwitch: { failureRate: false, consecutiveFailures: 3 },
      retry: { within: '1h', per: [{ on: RangeError, attempts: 20 }] },
    })
    .onBatch(orders.invoice, (batch, { signal }) => void [signal.aborted, batch.items.map(({ body }) => body.id)], {
      batch: { size: 100 },
    })
  service('right')
    .on(orders.placed, ({ at }) => void at.getTime())
    .on(orders.tick, ({ price }) => void price.toFixed(), { concurrency: 1 })
    .on(orders.place, () => ({ number: 1 }))
    .on(orders.invoice, () => {})
    .answer(orders.quote, async ({ sku }) => ({ price: sku.length }))
    .onReply(orders.quote, (reply) => void (reply.ok ? reply.value.price : reply.error.message))
  await bus.publish(orders.placed, { id: '1', at: '2026-01-01' })
  await bus.publish(orders.tick, { price: 1 })
  for await (const { body } of bus.read(orders.placed)) body.at.getTime()
  const { number } = await bus.request(orders.place, { id: '1' })
  for await (const offer of bus.scatter(orders.offers, { kg: 1 })) if (offer.ok) return offer.value.price
  return number
}

export async function wrongTransactions(): Promise<void> {
  service('plain').on(orders.placed, (_, ctx) => {
    // @ts-expect-error without a store there is no transaction
    void ctx.tx
    // @ts-expect-error nor a schedule
    void ctx.schedule(orders.placed, { id: '1', at: '2026-01-01' }, { id: 'x', in: '1s' })
    // @ts-expect-error nor numbers
    void ctx.sequence
  })
  // @ts-expect-error without a store there is no inbox
  service('plain').on(orders.placed, () => {}, { idempotentBy: ({ id }) => id })
  // @ts-expect-error a store is no name
  service(store)
  // @ts-expect-error options without a store
  service('half', {})
  service('till', { store })
    // @ts-expect-error the transaction has no such method
    .on(orders.placed, (_, ctx) => ctx.tx.burn())
    // @ts-expect-error a key is text
    .on(orders.invoice, () => {}, { idempotentBy: ({ id }) => id.length })
    // @ts-expect-error a command that declares a reply must return it, in a transaction, too
    .on(orders.place, async (_, ctx) => ctx.tx.book(1))
    // @ts-expect-error not a way to meet a gap
    .on(orders.place, () => ({ number: 1 }), { onGap: 'ignore' })
  // @ts-expect-error a bus without a store speaks in no transaction
  bus.in(ledger)
  // @ts-expect-error nor does it schedule
  await bus.schedule(orders.placed, { id: '1', at: '2026-01-01' }, { id: 'x', in: '1s' })
  const plain = await createBus({})
  // @ts-expect-error the same
  plain.in(ledger)
  // @ts-expect-error another database's transaction
  books.in({ burn: () => {} })
  // @ts-expect-error what waits for an answer goes out at once, outside of the transaction
  await books.in(ledger).request(orders.quote, { sku: 'a' })
  // @ts-expect-error a body of another shape
  await books.in(ledger).publish(orders.placed, { id: 1 })
  // @ts-expect-error a query is asked, not scheduled
  await books.schedule(orders.quote, { sku: 'a' }, { id: 'x', in: '1s' })
  // @ts-expect-error no time
  await books.schedule(orders.invoice, { id: '1' }, { id: 'x' })
  // @ts-expect-error two times
  await books.schedule(orders.invoice, { id: '1' }, { id: 'x', in: '1s', at: new Date(0) })
}

export async function rightTransactions(): Promise<void> {
  const till = service('till', { store })
    .use((next) => next)
    .on(
      orders.placed,
      async ({ id, at }, ctx) => {
        ctx.tx satisfies Ledger
        await ctx.tx.book(at.getTime())
        await ctx.send(orders.invoice, { id })
        await ctx.schedule(orders.invoice, { id }, { id: `later-${id}`, in: '30d', every: '1d' })
        void (ctx.sequence?.missing satisfies number | undefined)
      },
      { idempotentBy: ({ at }, { source }) => `${source} ${at.getTime()}`, onGap: 'fail', ordered: true },
    )
    .on(orders.place, () => ({ number: 1 }))
    .answer(orders.quote, async (_, ctx) => (await ctx.tx.book(1), { price: 1 }))
    .onReply(orders.quote, (_, ctx) => ctx.tx.book(1))
  const made = await createBus({ services: [till, service('plain')], store })
  made satisfies TransactionalBus<Ledger>
  await made.in(ledger).requestAsync(orders.quote, { sku: 'a' }, { delay: '90d' })
  const gone: boolean = await made.cancelScheduled('x')
  void gone
}
