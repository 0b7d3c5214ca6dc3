// Checked by the compiler alone: what a contract must infer, and what must not compile.
import { z } from 'zod'
import type { Duration } from '../runtime/duration.ts'
import type { AnyCommand, AnyDocument, AnyEvent, AnyRequest, AnySurvey, In, Out, ReplyIn, ReplyOf } from './contract.ts'
import { binary, command, contract, document, event, query, survey, type, upcast } from './contract.ts'

interface Sender {
  publish<M extends AnyEvent>(event: M, body: In<M>): Promise<void>
  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>): Promise<void>
  request<M extends AnyRequest>(request: M, body: In<M>, options?: { timeout?: Duration }): Promise<ReplyOf<M>>
  scatter<M extends AnySurvey>(survey: M, body: In<M>): AsyncIterable<ReplyOf<M>>
}
interface Service {
  on<M extends AnyEvent>(event: M, handler: (body: Out<M>) => void | Promise<void>): Service
  on<M extends AnyCommand | AnyDocument>(
    message: M,
    handler: (body: Out<M>) => ReplyIn<M> | Promise<ReplyIn<M>>,
  ): Service
  answer<M extends AnyRequest | AnySurvey>(
    question: M,
    handler: (body: Out<M>) => ReplyIn<M> | Promise<ReplyIn<M>>,
  ): Service
}
declare const bus: Sender
declare const service: Service

const order = z.object({ id: z.string(), amount: z.number().int(), at: z.string().transform((text) => new Date(text)) })
export const orders = contract(
  'orders',
  { shards: 8 },
  {
    place: command(order, { reply: z.object({ accepted: z.boolean() }), key: (body) => body.id }),
    cancel: command(z.object({ id: z.string() })),
    placed: event(order, {
      version: 2,
      key: (body) => body.id,
      upcast: { 1: upcast(z.object({ id: z.string() }), (v1) => ({ id: v1.id.trim(), amount: 0, at: '' })) },
    }),
    quote: query(z.object({ sku: z.string() }), z.object({ price: z.number() })),
    offers: survey(z.object({ kg: z.number() }), z.object({ price: z.number() })),
    label: document(binary('image/png')),
    legacy: event(type<{ old: true }>()),
  },
)

type IsAny<A> = 0 extends 1 & A ? true : false
type Equal<A, B> = IsAny<A> extends true ? false : [A] extends [B] ? ([B] extends [A] ? true : false) : false
const equal = <A, B>(_same: Equal<A, B>): void => {}

equal<In<typeof orders.place>, { id: string; amount: number; at: string }>(true)
equal<Out<typeof orders.place>, { id: string; amount: number; at: Date }>(true)
equal<ReplyOf<typeof orders.place>, { accepted: boolean }>(true)
equal<ReplyOf<typeof orders.cancel>, void>(true)
equal<ReplyIn<typeof orders.cancel>, void>(true)
equal<ReplyOf<typeof orders.quote>, { price: number }>(true)
equal<ReplyOf<typeof orders.placed>, void>(true)
equal<In<typeof orders.label>, Uint8Array>(true)
equal<Out<typeof orders.legacy>, { old: true }>(true)

const body = { id: '1', amount: 1, at: '2026-01-01' }
export async function compiles(): Promise<void> {
  await bus.publish(orders.placed, body)
  await bus.send(orders.place, body)
  await bus.send(orders.label, Buffer.from('png'))
  const { accepted }: { accepted: boolean } = await bus.request(orders.place, body, { timeout: '2s' })
  for await (const { price } of bus.scatter(orders.offers, { kg: accepted ? 1 : 2 })) price.toFixed()
  service
    .on(orders.placed, ({ at }) => void at.getTime())
    .on(orders.place, async ({ at }) => ({ accepted: at.getTime() > 0 }))
    .on(orders.cancel, async ({ id }) => void id)
    .on(orders.label, (bytes) => void bytes.byteLength)
    .answer(orders.quote, ({ sku }) => ({ price: sku.length }))
}

export async function doesNotCompile(): Promise<void> {
  // @ts-expect-error a command is not published
  await bus.publish(orders.place, body)
  // @ts-expect-error an event is not sent
  await bus.send(orders.placed, body)
  // @ts-expect-error a query is not sent
  await bus.send(orders.quote, { sku: 'a' })
  // @ts-expect-error a survey is not requested
  await bus.request(orders.offers, { kg: 1 })
  // @ts-expect-error an event is not requested
  await bus.request(orders.placed, body)
  // @ts-expect-error a query is not scattered
  bus.scatter(orders.quote, { sku: 'a' })
  // @ts-expect-error a wrong type in the body
  await bus.publish(orders.placed, { ...body, amount: '1' })
  // @ts-expect-error a missing field in the body
  await bus.publish(orders.placed, { id: '1' })
  // @ts-expect-error the output of the schema is not what is sent
  await bus.publish(orders.placed, { ...body, at: new Date(0) })
  // @ts-expect-error text is not bytes
  await bus.send(orders.label, 'png')
  // @ts-expect-error a misspelt unit
  await bus.request(orders.quote, { sku: 'a' }, { timeout: '2 seconds' })
  // @ts-expect-error no such message
  await bus.publish(orders.palced, body)
  // @ts-expect-error a wrong reply
  service.answer(orders.quote, () => ({ price: 'no' }))
  // @ts-expect-error a missing reply
  service.on(orders.place, () => {})
  // @ts-expect-error a reply where none is declared
  service.on(orders.cancel, () => ({ accepted: true }))
  // @ts-expect-error a query is answered, not handled
  service.on(orders.quote, () => ({ price: 1 }))
  // @ts-expect-error an event is not answered
  service.answer(orders.placed, () => {})
  // @ts-expect-error a key is text
  event(z.object({ n: z.number() }), { key: (one) => one.n })
  // @ts-expect-error what is not stored has no key
  event(z.object({ id: z.string() }), { stored: false, key: (one: { id: string }) => one.id })
  // @ts-expect-error a query has no key
  query(z.object({ n: z.string() }), z.object({}), { key: (one: { n: string }) => one.n })
  // @ts-expect-error an event has no reply
  event(z.object({}), { reply: z.object({}) })
  // @ts-expect-error not a schema
  command({ id: 'string' })
}
