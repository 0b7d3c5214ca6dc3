// What a service with a store promises, on SQLite and the embedded broker in memory.
import type { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { command, contract, event, query, type, upcast } from '../../contract/contract.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Middleware } from '../../middleware/handler.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { testBus } from '../../testing/test-bus.ts'
import { service } from '../service/service.ts'
import type { TransactionalContext } from '../service/transactional-context.ts'

interface Charge {
  readonly order: string
  readonly cents: number
}
const payments = contract(
  'payments',
  { shards: 4 },
  {
    charge: command(type<Charge>(), { reply: type<{ total: number }>() }),
    charged: event(type<Charge>(), { key: ({ order }) => order }),
    total: query(type<null>(), type<number>()),
  },
)
const loose = { rethrow: false } as const

function tillStore() {
  return sqliteStore(':memory:')
}
function book(tx: DatabaseSync, order: string, cents: number): number {
  tx.exec('create table if not exists booked (order_id text, cents int)')
  tx.prepare('insert into booked values (?, ?)').run(order, cents)
  return total(tx)
}
function total(tx: DatabaseSync): number {
  tx.exec('create table if not exists booked (order_id text, cents int)')
  return Number(tx.prepare('select coalesce(sum(cents), 0) as total from booked').get()?.['total'])
}

test('a handler writes, publishes and answers in one transaction, once', async () => {
  const store = tillStore()
  const seen: string[] = []
  const till = service('till', { store }).on(payments.charge, async ({ order, cents }, ctx) => {
    const sum = book(ctx.tx, order, cents)
    await ctx.publish(payments.charged, { order, cents })
    return { total: sum }
  })
  const ledger = service('ledger').on(payments.charged, ({ order }) => void seen.push(order))
  await using bus = await testBus({ services: [till, ledger], store })
  bus.faults.crashBeforeAck(payments.charge)
  bus.faults.duplicate(payments.charge)
  const reply = bus.request(payments.charge, { order: '1', cents: 100 })
  await bus.settle()
  expect(await reply).toEqual({ total: 100 })
  expect(seen).toEqual(['1'])
  expect(bus.tally(payments.charge)).toMatchObject({ attempts: 3, processed: 2 })
  expect(bus.subscription('till', payments.charge)).toMatchObject({ handled: 3, duplicates: 2 })
  expect(await store.transaction((tx) => Promise.resolve(total(tx)))).toBe(100)
})

test('what fails is rolled back with everything it sent, and is tried again', async () => {
  const store = tillStore()
  const till = service('till', { store }).on(
    payments.charge,
    async ({ order, cents }, ctx) => {
      const sum = book(ctx.tx, order, cents)
      await ctx.publish(payments.charged, { order, cents })
      if (ctx.attempt === 1) throw new Error('the card reader is away')
      return { total: sum }
    },
    { retry: { attempts: 2 } },
  )
  await using bus = await testBus({ services: [till], ...loose })
  await bus.send(payments.charge, { order: '1', cents: 100 })
  await bus.settle()
  expect(bus.tally(payments.charge)).toMatchObject({ attempts: 2, processed: 1, retried: 1 })
  expect(await bus.sent(payments.charged)).toEqual([{ order: '1', cents: 100 }])
  expect(await store.transaction((tx) => Promise.resolve(total(tx)))).toBe(100)
})

test('a commit that fails is a failed try', async () => {
  const store = tillStore()
  const till = service('till', { store }).on(payments.charge, async ({ order, cents }, ctx) => {
    ctx.tx.exec('create table if not exists parent (id int primary key)')
    ctx.tx.exec('create table if not exists child (parent int references parent deferrable initially deferred)')
    if (ctx.attempt === 1) ctx.tx.exec('insert into child values (7)') // its parent is looked for at the commit
    await ctx.publish(payments.charged, { order, cents })
    return { total: 1 }
  })
  await using bus = await testBus({ services: [till], ...loose })
  await bus.send(payments.charge, { order: '1', cents: 1 })
  await bus.settle()
  expect(bus.tally(payments.charge)).toMatchObject({ attempts: 2, processed: 1, retried: 1 })
  expect(await bus.sent(payments.charged)).toHaveLength(1)
})

test('what is sent leaves in the order of the calls, awaited or not, with the options it was given', async () => {
  const store = tillStore()
  const seen: string[] = []
  const till = service('till', { store }).on(payments.charge, async (_, ctx) => {
    await ctx.publish(payments.charged, { order: 'a', cents: 1 })
    void ctx.publish(payments.charged, { order: 'a', cents: 2 }, { id: 'second', headers: { by: 'hand' } })
    await Promise.all([3, 4].map((cents) => ctx.publish(payments.charged, { order: 'a', cents })))
    void ctx.publish(payments.charged, { order: 'b', cents: 5 }, { key: 'a', delay: '1h' })
    return { total: 0 }
  })
  const ledger = service('ledger').on(
    payments.charged,
    ({ cents }, ctx) =>
      void seen.push(`${cents} ${ctx.key} ${ctx.headers['by'] ?? ''}${ctx.id === 'second' ? '!' : ''}`),
    { ordered: true },
  )
  await using bus = await testBus({ services: [till, ledger] })
  await bus.send(payments.charge, { order: 'a', cents: 0 })
  await bus.settle()
  expect(seen).toEqual(['1 a ', '2 a hand!', '3 a ', '4 a '])
  await bus.advance('59m')
  expect(seen).toHaveLength(4)
  await bus.advance('2m')
  expect(seen.at(-1)).toBe('5 a ')
})

test('what has expired in the outbox is not sent', async () => {
  const store = tillStore()
  const till = service('till', { store }).on(payments.charge, async (body, ctx) => {
    await ctx.publish(payments.charged, body, { delay: '2h', expiresIn: '1h' })
    return { total: 0 }
  })
  await using bus = await testBus({ services: [till] })
  await bus.send(payments.charge, { order: 'a', cents: 0 })
  await bus.advance('3h')
  expect(await bus.sent(payments.charged)).toEqual([])
  expect((await bus.health()).outboxes).toMatchObject([{ waiting: 0, parked: 0, scheduled: 0, healthy: true }])
})

test('nothing is sent with a transaction that has ended', async () => {
  const store = tillStore()
  let late: TransactionalContext<DatabaseSync> | undefined
  const till = service('till', { store }).on(payments.charge, (_, ctx) => {
    late = ctx
    return { total: 0 }
  })
  await using bus = await testBus({ services: [till] })
  await bus.send(payments.charge, { order: 'a', cents: 0 })
  await bus.settle()
  await expect(late?.publish(payments.charged, { order: 'a', cents: 1 })).rejects.toMatchObject({
    code: 'WAYBILL_TRANSACTION_ENDED',
  })
  await expect(late?.cancelScheduled('x')).rejects.toMatchObject({ code: 'WAYBILL_TRANSACTION_ENDED' })
})

test('a body that cannot be written fails the call; who catches that goes on', async () => {
  const store = tillStore()
  const circular: { self?: unknown } = {}
  circular.self = circular
  const till = service('till', { store }).on(payments.charge, async (body, ctx) => {
    await ctx.publish(payments.charged, circular as never).catch(() => {})
    await ctx.publish(payments.charged, body)
    return { total: 0 }
  })
  await using bus = await testBus({ services: [till] })
  await bus.send(payments.charge, { order: 'a', cents: 7 })
  await bus.settle()
  expect(await bus.sent(payments.charged)).toEqual([{ order: 'a', cents: 7 }])
})

test('a handler that does not await what it sends, and throws, fails once', async () => {
  const store = tillStore()
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  const till = service('till', { store }).on(
    payments.charged,
    (body, ctx) => {
      void ctx.publish(payments.charged, body)
      throw new Error('no')
    },
    { retry: { attempts: 1 } },
  )
  await using bus = await testBus({ services: [till], ...loose })
  await bus.publish(payments.charged, { order: 'a', cents: 1 })
  await bus.settle()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
  expect(bus.deadLetters()).toMatchObject([{ detail: 'no' }])
  expect(await bus.sent(payments.charged)).toHaveLength(1)
})

test('idempotentBy tells messages apart by what they say', async () => {
  const store = tillStore()
  const orders: string[] = []
  const till = service('till', { store }).on(payments.charged, ({ order }) => void orders.push(order), {
    idempotentBy: ({ order }) => order,
  })
  await using bus = await testBus({ services: [till] })
  for (const order of ['1', '2', '1']) await bus.publish(payments.charged, { order, cents: 1 })
  await bus.settle()
  expect(orders.toSorted()).toEqual(['1', '2'])
  expect(bus.subscription('till', payments.charged)).toMatchObject({ handled: 3, duplicates: 1 })
})

test('idempotentBy that gives no text is an error of the handler', async () => {
  const till = service('till', { store: tillStore() }).on(payments.charged, () => {}, {
    idempotentBy: () => undefined as never,
    retry: { attempts: 1 },
  })
  await using bus = await testBus({ services: [till], ...loose })
  await bus.publish(payments.charged, { order: 'a', cents: 1 })
  await bus.settle()
  expect(bus.deadLetters()).toMatchObject([
    { reason: 'failed', detail: expect.stringMatching(/must return text/) as string },
  ])
})

test('each group remembers for itself, and a broadcast remembers nothing', async () => {
  const store = tillStore()
  const seen: string[] = []
  const both = service('both', { store })
    .on(payments.charged, () => void seen.push('own'))
    .on(payments.charged, () => void seen.push('audit'), { group: 'audit' })
    .on(payments.charged, ({ order }, ctx) => void seen.push(`everywhere ${book(ctx.tx, order, 5)}`), {
      broadcast: true,
    })
  await using bus = await testBus({ services: [both] })
  bus.faults.duplicate(payments.charged)
  await bus.publish(payments.charged, { order: 'a', cents: 1 })
  await bus.settle()
  expect(seen.toSorted()).toEqual(['audit', 'everywhere 10', 'everywhere 5', 'own'])
})

test('a middleware that hides an error does not commit half of the work', async () => {
  const store = tillStore()
  const hide: Middleware = (next) => async (handling) => {
    try {
      return await next(handling)
    } catch {
      return { total: -1 }
    }
  }
  const till = service('till', { store })
    .use(hide)
    .on(payments.charge, async (body, ctx) => {
      book(ctx.tx, body.order, body.cents)
      await ctx.publish(payments.charged, body)
      throw new Error('after it has written')
    })
  await using bus = await testBus({ services: [till] })
  const reply = bus.request(payments.charge, { order: 'a', cents: 1 })
  await bus.settle()
  expect(await reply).toEqual({ total: -1 })
  expect(await bus.sent(payments.charged)).toEqual([])
  expect(await store.transaction((tx) => Promise.resolve(total(tx)))).toBe(0)
})

test('a middleware that calls the handler again within its transaction is told so', async () => {
  const twice: Middleware = (next) => async (handling) => {
    await next(handling)
    return await next(handling)
  }
  const till = service('till', { store: tillStore() })
    .use(twice)
    .on(payments.charged, () => {}, { retry: { attempts: 1 } })
  await using bus = await testBus({ services: [till], ...loose })
  await bus.publish(payments.charged, { order: 'a', cents: 1 })
  await bus.settle()
  expect(bus.deadLetters()).toMatchObject([{ detail: expect.stringMatching(/twice within one transaction/) as string }])
})

test('who asks is told at once of a failure, and of a reply that does not match', async () => {
  const till = service('till', { store: tillStore() })
    .on(payments.charge, ({ cents }) => {
      if (cents < 0) throw new Error('negative')
      return undefined as never
    })
    .answer(payments.total, (_, ctx) => total(ctx.tx))
  await using bus = await testBus({ services: [till], ...loose })
  await expect(bus.request(payments.charge, { order: 'a', cents: -1 })).rejects.toMatchObject({
    code: 'WAYBILL_REMOTE_FAILED',
    remote: { message: expect.stringContaining('negative') as string },
  })
  expect(await bus.request(payments.total, null)).toBe(0)
})

test('an asynchronous request and its reply are committed with the work on either side', async () => {
  const store = tillStore()
  const totals: number[] = []
  const shop = service('shop', { store })
    .on(payments.charged, (body, ctx) => void ctx.requestAsync(payments.charge, body))
    .onReply(payments.charge, (reply, ctx) => void totals.push(reply.ok ? reply.value.total : -1, book(ctx.tx, 'x', 5)))
  const till = service('till', { store }).on(payments.charge, ({ order, cents }, ctx) => ({
    total: book(ctx.tx, order, cents),
  }))
  await using bus = await testBus({ services: [shop, till] })
  bus.faults.duplicate(payments.charged)
  bus.faults.crashBeforeAck(payments.charge)
  await bus.publish(payments.charged, { order: 'a', cents: 3 })
  await bus.settle()
  expect(totals).toEqual([3, 8])
})

test('bus.in(tx) is part of a transaction of the user: it leaves with the commit, or never', async () => {
  const store = tillStore()
  const seen: string[] = []
  const ledger = service('ledger').on(payments.charged, ({ order }) => void seen.push(order), { ordered: true })
  await using bus = await testBus({ services: [ledger], store })
  await store.transaction(async (tx) => {
    book(tx, 'kept', 1)
    await bus.in(tx).publish(payments.charged, { order: 'kept', cents: 1 })
    await bus.in(tx).publish(payments.charged, { order: 'too', cents: 1 }, { key: 'kept' })
  })
  const failed = store.transaction(async (tx) => {
    await bus.in(tx).publish(payments.charged, { order: 'lost', cents: 1 })
    throw new Error('no')
  })
  await expect(failed).rejects.toThrow('no')
  await bus.settle()
  expect(seen).toEqual(['kept', 'too'])
})

test('a drain sends what is committed', async () => {
  const store = tillStore()
  const ledger = service('ledger').on(payments.charged, () => {})
  const bus = await testBus({ services: [ledger], store })
  await store.transaction(async (tx) => {
    for (let n = 0; n < 1_500; n++) void bus.in(tx).publish(payments.charged, { order: `${n % 7}`, cents: n })
    await bus.in(tx).publish(payments.charged, { order: 'last', cents: 0 })
  })
  await bus.drain()
  expect(await bus.sent(payments.charged)).toHaveLength(1_501)
  expect((await bus.sent(payments.charged)).filter(({ order }) => order === '3').map(({ cents }) => cents)).toEqual(
    Array.from({ length: 1_500 }, (_, n) => n).filter((n) => n % 7 === 3),
  )
})

test('a bus does not start where an inbox would forget a message that may come again', async () => {
  const short = sqliteStore(':memory:', { inboxRetention: '13d' })
  const till = service('till', { store: short }).on(payments.charged, () => {})
  const refused = await testBus({ services: [till] }).catch((error: unknown) => error)
  expect(isWaybillError(refused, 'WAYBILL_INBOX_TOO_SHORT')).toBe(true)
  expect(String(refused)).toMatch(/till on payments.charged may see a message again after 14 d/)
  await using bus = await testBus({ services: [till], deadLetterLife: '12d' })
  expect((await bus.explain()).routes).toMatchObject([{ delivery: { guarantee: 'effectively-once' } }])
})

test('the inbox forgets in the background', async () => {
  const store = sqliteStore(':memory:', { inboxRetention: '1h' })
  let handled = 0
  const till = service('till', { store }).on(payments.charged, () => void handled++)
  await using bus = await testBus({ services: [till], deadLetterLife: '1m' })
  await bus.publish(payments.charged, { order: 'a', cents: 1 }, { id: 'same' })
  await bus.advance('30m')
  await bus.publish(payments.charged, { order: 'a', cents: 1 }, { id: 'same' })
  await bus.advance('1h')
  expect(handled).toBe(1)
  await bus.publish(payments.charged, { order: 'a', cents: 1 }, { id: 'same' })
  await bus.settle()
  expect(handled).toBe(2)
})

test('a row that one version of a contract wrote is handled by the next one', async () => {
  const first = contract('prices', { changed: event(type<{ euros: number }>()) })
  const second = contract('prices', {
    changed: event(type<{ cents: number }>(), {
      version: 2,
      upcast: { 1: upcast(type<{ euros: number }>(), ({ euros }) => ({ cents: euros * 100 })) },
    }),
  })
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(':memory:')
  {
    const store = sqliteStore(database)
    await using bus = await testBus({ store, outbox: { relay: false } })
    await store.transaction((tx) => bus.in(tx).publish(first.changed, { euros: 7 }))
    await bus.schedule(first.changed, { euros: 8 }, { id: 'later', in: '1d' })
  }
  const seen: number[] = []
  const shop = service('shop').on(second.changed, ({ cents }) => void seen.push(cents))
  await using bus = await testBus({ store: sqliteStore(database), services: [shop] })
  await bus.settle()
  expect(seen).toEqual([700])
  await bus.advance('25h')
  expect(seen).toEqual([700, 800])
})
