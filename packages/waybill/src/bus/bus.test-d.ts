// What must not compile. Checked by `npm run typecheck`; nothing here runs.
import { z } from 'zod'
import { command, contract, document, event, query, survey } from '../contract/contract.ts'
import type { Bus } from './bus.ts'
import { service } from './service.ts'

const orders = contract('orders', {
  place: command(z.object({ id: z.string() }), { reply: z.object({ number: z.number() }) }),
  placed: event(z.object({ id: z.string(), at: z.coerce.date() })),
  quote: query(z.object({ sku: z.string() }), z.object({ price: z.number() })),
  offers: survey(z.object({ kg: z.number() }), z.object({ price: z.number() })),
  invoice: document(z.object({ id: z.string() })),
})
declare const bus: Bus

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
  // @ts-expect-error only requests have replies
  .onReply(orders.placed, () => {})

export async function right(): Promise<number> {
  const { routes } = await bus.explain([orders.place, orders.placed, orders.quote, orders.offers, orders.invoice])
  routes.forEach(({ retry }) => retry.attempts satisfies number)
  service('right')
    .on(orders.placed, ({ at }) => void at.getTime())
    .on(orders.place, () => ({ number: 1 }))
    .on(orders.invoice, () => {})
    .answer(orders.quote, async ({ sku }) => ({ price: sku.length }))
    .onReply(orders.quote, (reply) => void (reply.ok ? reply.value.price : reply.error.message))
  await bus.publish(orders.placed, { id: '1', at: '2026-01-01' })
  const { number } = await bus.request(orders.place, { id: '1' })
  for await (const offer of bus.scatter(orders.offers, { kg: 1 })) if (offer.ok) return offer.value.price
  return number
}
