import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as v from 'valibot'
import { binary, command, contract, document, event, MAX_SHARDS, query, survey, type, upcast } from './contract.ts'

const id = z.object({ id: z.string() })

describe('contract()', () => {
  const orders = contract(
    'orders',
    { shards: 8 },
    {
      place: command(id, { key: (body) => body.id }),
      cancel: command(id),
      placed: event(id, { version: 3, key: (body) => body.id, upcast: { 2: upcast(id, (older) => older) } }),
      cancelled: event(v.object({ id: v.string() })),
      quote: query(id, z.number()),
      offers: survey(id, z.number()),
      label: document(binary('image/png'), { key: (bytes) => String(bytes.byteLength) }),
    },
  )

  it('names messages after the contract', () => {
    expect(orders.place).toMatchObject({
      kind: 'command',
      type: 'orders.place',
      name: 'place',
      contract: 'orders',
      version: 1,
    })
    expect(orders.placed).toMatchObject({ kind: 'event', type: 'orders.placed', version: 3 })
  })

  it('gives all events one channel, with the shards of the contract', () => {
    expect(orders.placed.channel).toEqual({ kind: 'events', name: 'orders', shards: 8 })
    expect(orders.cancelled.channel).toBe(orders.placed.channel)
  })

  it('gives every other message a channel of its own, with shards where it has a key', () => {
    expect(orders.place.channel).toEqual({ kind: 'command', name: 'orders.place', shards: 8 })
    expect(orders.cancel.channel).toEqual({ kind: 'command', name: 'orders.cancel', shards: 1 })
    expect(orders.quote.channel).toEqual({ kind: 'query', name: 'orders.quote', shards: 1 })
    expect(orders.offers.channel).toEqual({ kind: 'survey', name: 'orders.offers', shards: 1 })
    expect(orders.label.channel).toEqual({ kind: 'document', name: 'orders.label', shards: 8 })
  })

  it('gives the events that are not stored one channel of their own, without shards or retention', () => {
    const options = { shards: 8, retention: '1h' } as const
    const prices = contract('prices', options, { set: event(id), tick: event(id, { stored: false }) })
    expect(prices.tick).toMatchObject({ kind: 'event', type: 'prices.tick', stored: false })
    expect(prices.tick.channel).toEqual({ kind: 'signals', name: 'prices', shards: 1 })
    expect(prices.set.stored).toBe(true)
    expect(() => contract('prices', { tick: event(id, { stored: false, key: () => 'k' } as never) })).toThrow(
      'prices.tick is not stored, so it has no key',
    )
  })

  it('has one shard unless told otherwise', () => {
    expect(contract('plain', { happened: event(id) }).happened.channel.shards).toBe(1)
    expect(contract('kept', { retention: '1h' }, { happened: event(id) }).happened.channel.retentionMs).toBe(3_600_000)
    expect(() => contract('kept', { retention: 'long' as '1h' }, { happened: event(id) })).toThrow(TypeError)
  })

  it('knows the content type and the key', () => {
    expect(orders.label.contentType).toBe('image/png')
    expect(orders.placed.contentType).toBe('application/json')
    expect(orders.placed.key?.({ id: 'k' })).toBe('k')
    expect(orders.cancelled.key).toBeUndefined()
  })

  it('is frozen, messages and channels too', () => {
    expect(Object.isFrozen(orders)).toBe(true)
    expect(Object.isFrozen(orders.place)).toBe(true)
    expect(Object.isFrozen(orders.place.channel)).toBe(true)
    expect(Object.isFrozen(orders.placed.channel)).toBe(true)
  })

  it.each(['', 'a.b', '1st', 'ä', 'a b', 'x'.repeat(64), '__proto__'])('refuses the name %j', (name) => {
    expect(() => contract(name, {})).toThrow(TypeError)
    expect(() => contract('orders', { [name]: event(id) })).toThrow(TypeError)
  })

  it.each([0, -1, 1.5, NaN, MAX_SHARDS + 1])('refuses %d shards', (shards) => {
    expect(() => contract('orders', { shards }, {})).toThrow(/shards must be a whole number/)
  })

  it.each([0, 1.5, NaN, 20_260_101])('refuses version %d', (version) => {
    expect(() => contract('orders', { placed: event(id, { version }) })).toThrow(/version must be a whole number/)
  })

  it('refuses an upcast from the current or a later version', () => {
    expect(() => contract('orders', { placed: event(id, { upcast: { 1: upcast(id, () => 0) } }) })).toThrow(
      /not from 1/,
    )
  })

  it('refuses upcasts with a gap', () => {
    const definition = event(id, { version: 3, upcast: { 1: upcast(id, () => 0) } })
    expect(() => contract('orders', { placed: definition })).toThrow(
      /from version 1 leads to 2, which has no step to 3/,
    )
  })

  it('refuses what is not a Standard Schema', () => {
    const nonsense = { type: 'object' } as unknown as z.ZodType
    expect(() => contract('orders', { placed: event(nonsense) })).toThrow(
      /body of orders.placed is not a Standard Schema/,
    )
    expect(() => contract('orders', { quote: query(id, nonsense) })).toThrow(/reply of orders.quote is not a Standard/)
  })
})

describe('binary() and type()', () => {
  it('are Standard Schemas', async () => {
    expect(await binary()['~standard'].validate(Uint8Array.of(1))).toEqual({ value: Uint8Array.of(1) })
    expect(await binary()['~standard'].validate('text')).toHaveProperty('issues')
    expect(await type<number>()['~standard'].validate('unchecked')).toEqual({ value: 'unchecked' })
  })

  it.each(['png', 'Image/PNG', 'image/png; q=1', ''])('binary() refuses the media type %j', (contentType) => {
    expect(() => binary(contentType)).toThrow(TypeError)
  })
})
