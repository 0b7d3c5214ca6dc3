import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createBus } from '../bus/create-bus.ts'
import { silentLogger } from '../bus/observation/logger.ts'
import { service } from '../bus/service/service.ts'
import { contract, event, upcast } from '../contract/contract.ts'
import { readFailures } from '../message/failure.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { testBus, type TestBus } from '../testing/test-bus.ts'
import { embedded } from '../transports/embedded/embedded.ts'
import type { DeadLetters } from './dead-letters.ts'

const body = z.object({ n: z.number() })
const shop = contract('shop', { paid: event(body), refunded: event(body) })

class Declined extends Error {
  override readonly name = 'Declined'
  readonly code = 'E_DECLINED'
}

interface Shop {
  readonly bus: TestBus
  readonly dead: DeadLetters<typeof shop.paid>
  /** What the handlers got, in order. */
  readonly handled: { readonly n: number; readonly message: WireMessage }[]
  /** Numbers whose handler throws. */
  readonly failing: Set<number>
}

/** A bus on which these have died, in this order. */
async function shopWith(...dying: readonly number[]): Promise<Shop & AsyncDisposable> {
  const failing = new Set(dying)
  const handled: Shop['handled'] = []
  const till = service('till')
    .on(shop.paid, ({ n }, { message }) => take(n, message), { retry: { attempts: 2, base: 0 } })
    .on(shop.refunded, ({ n }, { message }) => take(n, message), { retry: { attempts: 1 } })
  const take = (n: number, message: WireMessage): void => {
    if (failing.has(n)) throw new Declined(`card ${n} was declined`)
    handled.push({ n, message })
  }
  const bus = await testBus({ rethrow: false, services: [till] })
  for (const n of dying) {
    await bus.publish(shop.paid, { n }, { headers: { tenant: 'acme' } })
    await bus.settle()
    await bus.advance(1)
  }
  const dead = bus.deadLetters('till', shop.paid)
  return { bus, dead, handled, failing, [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose]() }
}

const numbers = async (dead: DeadLetters<typeof shop.paid>): Promise<readonly number[]> => {
  const { letters } = await dead.list()
  return await Promise.all(letters.map(async (letter) => (await letter.body()).n))
}

test('list() shows what is known of each letter, oldest first', async () => {
  await using made = await shopWith(1, 2)
  const { letters, after } = await made.dead.list()
  expect(after).toBeUndefined()
  const [first] = letters
  expect(letters.map(({ detail }) => detail)).toEqual(['card 1 was declined', 'card 2 was declined'])
  expect(first).toMatchObject({
    type: 'shop.paid', kind: 'event', reason: 'failed', attempt: 2, schemaVersion: 1, contentType: 'application/json',
    headers: { tenant: 'acme' }, edits: [], redriven: { count: 0, times: [] }, parked: undefined,
  }) // prettier-ignore
  expect(first?.failures.map(({ attempt, name, code }) => [attempt, name, code])).toEqual([
    [1, 'Declined', 'E_DECLINED'],
    [2, 'Declined', 'E_DECLINED'],
  ])
  expect(first?.diedAt?.getTime()).toBeLessThan(letters[1]?.diedAt?.getTime() ?? 0)
  expect(new TextDecoder().decode(first?.bytes)).toBe('{"n":1}')
  expect(await first?.body()).toEqual({ n: 1 })
})

test('list() goes on behind a page, though its last letter has gone meanwhile', async () => {
  await using made = await shopWith(1, 2, 3, 4, 5)
  const { dead } = made
  const page = await dead.list({ limit: 2 })
  expect(page.letters.map(({ detail }) => detail)).toEqual(['card 1 was declined', 'card 2 was declined'])
  const { after } = page
  const next = await dead.list({ limit: 2, ...(after === undefined ? {} : { after }) })
  expect(next.letters.map(({ detail }) => detail)).toEqual(['card 3 was declined', 'card 4 was declined'])
  await dead.remove({ id: next.letters[1]?.id ?? '' })
  const last = await dead.list({ after: next.after ?? '' })
  expect(last.letters.map(({ detail }) => detail)).toEqual(['card 5 was declined'])
  expect(last.after).toBeUndefined()
  await expect(dead.list({ after: 'nonsense' })).rejects.toThrow(TypeError)
  await expect(dead.list({ limit: 0 })).rejects.toThrow(TypeError)
})

test('letters are found by id, type, key, reason, error, text and time', async () => {
  await using made = await shopWith(1, 2, 3)
  const { dead, bus, failing } = made
  failing.add(9)
  await bus.publish(shop.refunded, { n: 9 })
  await bus.settle()
  const all = (await dead.list()).letters
  const detailsOf = async (where: Parameters<typeof dead.redrive>[0]): Promise<readonly string[]> =>
    (await dead.list({ where })).letters.map(({ detail }) => detail.replace(/\D/g, ''))
  expect(await detailsOf({})).toEqual(['1', '2', '3', '9'])
  expect(await detailsOf({ id: [all[0]?.id ?? '', all[2]?.id ?? ''] })).toEqual(['1', '3'])
  expect(await detailsOf({ type: 'shop.refunded' })).toEqual(['9'])
  expect(await detailsOf({ reason: ['failed', 'poison'] })).toEqual(['1', '2', '3', '9'])
  expect(await detailsOf({ reason: 'malformed' })).toEqual([])
  expect(await detailsOf({ error: 'Declined' })).toEqual(['1', '2', '3', '9'])
  expect(await detailsOf({ error: 'E_DECLINED', text: 'CARD 2' })).toEqual(['2'])
  expect(await detailsOf({ key: 'a' })).toEqual([])
  expect(await detailsOf({ diedSince: all[1]?.diedAt ?? new Date(0), type: 'shop.paid' })).toEqual(['2', '3'])
  expect(await detailsOf({ diedBefore: all[1]?.diedAt ?? new Date(0) })).toEqual(['1'])
  expect(
    await detailsOf({ match: async (letter) => letter.type === 'shop.paid' && (await letter.body()).n > 2 }),
  ).toEqual(['3'])
  // A misspelt condition must not match everything.
  expect(() => dead.remove({ typ: 'shop.paid' } as never)).toThrow('no condition typ')
  expect(() => dead.remove({ text: '' })).toThrow('text is empty')
  expect(() => dead.remove({ diedSince: new Date('soon') })).toThrow(TypeError)
  expect((await dead.find(all[1]?.id ?? ''))?.detail).toBe('card 2 was declined')
  expect(await dead.find('nobody')).toBeUndefined()
})

test('redrive() hands them to the group again: same id and history, first attempt, a record', async () => {
  await using made = await shopWith(1, 2, 3)
  const { dead, bus, failing, handled } = made
  const { letters } = await dead.list()
  failing.clear()
  const progress: number[] = []
  const result = await dead.redrive({}, { by: 'ada', note: 'mended', progress: ({ done }) => void progress.push(done) })
  await bus.settle()
  expect(result).toEqual({ looked: 3, done: 3, refused: 0, refusals: [] })
  expect(progress).toEqual([3])
  expect(handled.map(({ n }) => n)).toEqual([1, 2, 3])
  expect(handled.map(({ message }) => message.id)).toEqual(letters.map(({ id }) => id))
  const [first] = handled
  expect(first?.message.attempt).toBe(1)
  expect(readFailures(first?.message.headers ?? {})).toHaveLength(2)
  expect(first?.message.headers).toMatchObject({ tenant: 'acme' })
  const marks = Object.keys(first?.message.headers ?? {}).filter((name) => name.startsWith('waybill-dead-'))
  expect(marks).toEqual([])
  expect(JSON.parse(first?.message.headers['waybill-redriven'] ?? '')).toEqual({
    count: 1,
    times: [
      {
        at: bus.runtime.now(),
        by: 'ada',
        note: 'mended',
        run: expect.any(String),
        reason: 'failed',
        diedAt: letters[0]?.diedAt?.getTime(),
      },
    ],
  })
  expect(await numbers(dead)).toEqual([])
})

test('what dies again is not redriven again by the same call, and says how often it was', async () => {
  await using made = await shopWith(1, 2)
  const { dead, bus } = made
  expect(await dead.redrive({})).toMatchObject({ done: 2 })
  await bus.settle()
  expect(await dead.redrive({})).toMatchObject({ done: 2 })
  await bus.settle()
  const { letters } = await dead.list()
  expect(letters.map(({ redriven, attempt, failures }) => [redriven.count, attempt, failures.length])).toEqual([
    [2, 2, 6],
    [2, 2, 6],
  ])
})

test('redrive() at a rate lets through no more, and ends when it is aborted', async () => {
  await using made = await shopWith(...Array.from({ length: 20 }, (_, n) => n))
  const { dead, bus, failing, handled } = made
  failing.clear()
  const abort = new AbortController()
  const redriving = dead.redrive({}, { rate: 2, signal: abort.signal })
  const outcome = redriving.catch((error: unknown) => error)
  await bus.runtime.settle()
  const counts: number[] = [handled.length]
  for (let n = 0; n < 6; n++) {
    await bus.advance('500ms')
    counts.push(handled.length)
  }
  expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7])
  abort.abort(new Error('enough'))
  expect(await outcome).toMatchObject({ code: 'WAYBILL_ABORTED' })
  await bus.settle()
  expect(await numbers(dead)).toEqual(Array.from({ length: 13 }, (_, n) => n + 7))
})

test('redrive() at a low rate takes several visits, and none twice', async () => {
  await using made = await shopWith(...Array.from({ length: 12 }, (_, n) => n))
  const { dead, bus, handled } = made
  // The first one is kept, and the others die again at once.
  const redriving = dead.redrive({ match: ({ detail }) => !detail.startsWith('card 0 ') }, { rate: 0.01 })
  for (let n = 0; n < 15; n++) await bus.advance('100s')
  const { looked, done, refused } = await redriving
  expect([done, refused]).toEqual([11, 0])
  // A second visit has met what had died again meanwhile.
  expect(looked).toBeGreaterThan(12)
  expect(handled).toEqual([])
  const counts = (await dead.list()).letters.map(({ redriven }) => redriven.count)
  expect(counts.toSorted((a, b) => a - b)).toEqual([0, ...Array.from({ length: 11 }, () => 1)])
})

test('redrive() stops at its limit, and with dryRun does nothing', async () => {
  await using made = await shopWith(1, 2, 3)
  const { dead, bus, failing, handled } = made
  failing.clear()
  expect(await dead.redrive({}, { dryRun: true })).toMatchObject({ looked: 3, done: 3 })
  expect(await dead.remove({}, { dryRun: true, limit: 1 })).toMatchObject({ done: 1 })
  expect(await numbers(dead)).toEqual([1, 2, 3])
  expect(await dead.redrive({}, { limit: 2 })).toMatchObject({ done: 2 })
  await bus.settle()
  expect(handled.map(({ n }) => n)).toEqual([1, 2])
  expect(() => dead.redrive({}, { limit: 0 })).toThrow(TypeError)
  expect(() => dead.redrive({}, { rate: 0 })).toThrow(TypeError)
})

test('redrive() with edit keeps the order, and keeps what cannot be changed so', async () => {
  await using made = await shopWith(1, 2, 3)
  const { dead, bus, failing, handled } = made
  failing.clear()
  const result = await dead.redrive({}, {
    edit: async (letter) => {
      const { n } = await letter.body()
      if (n === 1) return { body: { n: 'one' as unknown as number } }
      return n === 2 ? { body: { n: 22 }, headers: { tenant: undefined, region: 'eu' } } : undefined
    },
  }) // prettier-ignore
  await bus.settle()
  expect(result).toMatchObject({ looked: 3, done: 2, refused: 1 })
  expect(result.refusals[0]?.why).toContain('WAYBILL_INVALID_MESSAGE')
  expect(handled.map(({ n }) => n)).toEqual([22, 3])
  expect(handled[0]?.message.headers).toMatchObject({ region: 'eu' })
  expect(handled[0]?.message.headers).not.toHaveProperty('tenant')
  expect(await numbers(dead)).toEqual([1])
})

test('edit() changes one where it lies, and writes down what was changed, by whom, and the hash of before', async () => {
  await using made = await shopWith(1, 2)
  const { dead, bus } = made
  const [first] = (await dead.list()).letters
  const id = first?.id ?? ''
  const changed = await dead.edit(id, { body: { n: 11 }, headers: { tenant: 'other' } }, { by: 'ada', note: 'typo' })
  expect(await changed.body()).toEqual({ n: 11 })
  const found = await dead.find(id)
  expect(await found?.body()).toEqual({ n: 11 })
  expect(found).toMatchObject({ reason: 'failed', detail: 'card 1 was declined', headers: { tenant: 'other' } })
  expect(found?.failures).toHaveLength(2)
  expect(found?.edits).toEqual([
    {
      at: bus.runtime.now(),
      by: 'ada',
      note: 'typo',
      changed: ['body', 'headers.tenant'],
      bodyBefore: createHash('sha256').update('{"n":1}').digest('hex'),
    },
  ])
  for (let n = 100; n < 120; n++) await dead.edit(id, { bytes: Buffer.from(`{"n":${n}}`) })
  const edits = (await dead.find(id))?.edits
  expect(edits).toHaveLength(16)
  expect(edits?.[0]?.note).toBe('typo')
  expect(await numbers(dead)).toEqual([2, 119])
})

test.each([
  ['a body that the contract refuses', { body: { n: 'one' } }, 'WAYBILL_INVALID_MESSAGE'],
  ['bytes that are no JSON', { bytes: Buffer.from('{') }, 'WAYBILL_MALFORMED'],
  ['a newer version', { schemaVersion: 7 }, 'WAYBILL_UNKNOWN_TYPE'],
  ['nothing', { headers: { tenant: 'acme' } }, 'changes nothing'],
  ["a header of Waybill's", { headers: { 'waybill-dead-reason': 'x' } }, "Waybill's own"],
  ["the removal of a header of Waybill's", { headers: { 'waybill-failures': undefined } }, "Waybill's own"],
  ['body and bytes', { body: { n: 1 }, bytes: Buffer.from('{}') }, 'not both'],
])('edit() with %s changes nothing', async (_, change, why) => {
  await using made = await shopWith(1)
  const [before] = (await made.dead.list()).letters
  await expect(made.dead.edit(before?.id ?? '', change as never)).rejects.toThrow(why)
  expect((await made.dead.list()).letters[0]?.message).toEqual(before?.message)
  await expect(made.dead.edit('nobody', { body: { n: 1 } })).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
})

test('parked letters stay, and are passed over by redrive() until they are unparked or asked for', async () => {
  await using made = await shopWith(1, 2, 3)
  const { dead, bus, failing, handled } = made
  expect(await dead.park({ text: 'card 2' }, { by: 'ada', note: 'ask the bank' })).toMatchObject({ done: 1 })
  const parked = (await dead.list({ where: { parked: true } })).letters
  expect(parked.map(({ parked: mark }) => mark)).toEqual([{ at: bus.runtime.now(), by: 'ada', note: 'ask the bank' }])
  expect(await dead.park({ text: 'card 2' })).toMatchObject({ done: 0 })
  failing.clear()
  await dead.redrive({})
  await bus.settle()
  expect(handled.map(({ n }) => n)).toEqual([1, 3])
  expect(await dead.unpark({}, {})).toMatchObject({ done: 1 })
  expect((await dead.list()).letters[0]?.parked).toBeUndefined()
  await dead.park({})
  await dead.redrive({ parked: true })
  await bus.settle()
  expect(handled.map(({ n }) => n)).toEqual([1, 3, 2])
  expect(handled.at(-1)?.message.headers).not.toHaveProperty('waybill-parked')
})

test('purge() removes all, once it is confirmed with the name of the group', async () => {
  await using made = await shopWith(1, 2)
  const { dead, handled, bus } = made
  await dead.park({ text: 'card 2' })
  expect(() => dead.purge({ confirm: 'tills' })).toThrow(TypeError)
  expect(await dead.purge({ confirm: 'till' })).toMatchObject({ done: 2 })
  expect(await numbers(dead)).toEqual([])
  await bus.settle()
  expect(handled).toEqual([])
})

test('a letter whose instant to be handled by has passed is redriven without it', async () => {
  await using made = await shopWith()
  const { bus, dead, failing, handled } = made
  failing.add(1).add(2)
  await bus.publish(shop.paid, { n: 1 }, { expiresIn: '1m' })
  await bus.publish(shop.paid, { n: 2 }, { expiresIn: '2h' })
  await bus.settle()
  await bus.advance('1h')
  failing.clear()
  expect(await dead.redrive({})).toMatchObject({ done: 2 })
  await bus.settle()
  expect(handled.map(({ n, message }) => [n, message.expiresAt === undefined])).toEqual([
    [1, true],
    [2, false],
  ])
})

test('bodies of an older version are lifted, for the reader and for the handler of what is redriven', async () => {
  const runtime = virtualRuntime()
  const transport = embedded({ memory: true })
  const options = { transport, runtime, logger: silentLogger, drainOn: [] }
  const v1 = contract('orders', { placed: event(z.object({ cents: z.number() })) })
  const v2 = contract('orders', {
    placed: event(z.object({ amount: z.number() }), {
      version: 2,
      upcast: { 1: upcast(z.object({ cents: z.number() }), ({ cents }) => ({ amount: cents / 100 })) },
    }),
  })
  await using ops = await createBus(options)
  const old = await createBus({
    ...options,
    services: [
      service('shipping').on(v1.placed, () => Promise.reject(new Error('not yet')), { retry: { attempts: 1 } }),
    ],
  })
  await old.publish(v1.placed, { cents: 250 })
  await runtime.settle()
  await old.drain(0)
  const dead = ops.deadLetters('shipping', v2.placed)
  const [letter] = (await dead.list()).letters
  expect(letter?.schemaVersion).toBe(1)
  expect(await letter?.body()).toEqual({ amount: 2.5 })
  const amounts: number[] = []
  await using young = await createBus({
    ...options,
    services: [service('shipping').on(v2.placed, ({ amount }) => void amounts.push(amount))],
  })
  expect(young.subscriptions).toHaveLength(1)
  await dead.redrive({})
  await runtime.settle()
  expect(amounts).toEqual([2.5])
})

test('a letter older than deadLetterLife is refused where an inbox may have forgotten it, unless it is forced', async () => {
  const runtime = virtualRuntime()
  const transport = embedded({ memory: true })
  const options = { transport, runtime, logger: silentLogger, drainOn: [] }
  let handled = 0
  let fails = true
  const handler = (): void => {
    if (fails) throw new Error('not yet')
    handled++
  }
  const till = service('till').on(shop.paid, handler, { retry: { attempts: 1 } })
  await using bus = await createBus({ ...options, services: [till] })
  await using ops = await createBus({ ...options, deadLetterLife: '1d' })
  await bus.publish(shop.paid, { n: 1 })
  await runtime.settle()
  await runtime.advance(2 * 24 * 3_600_000)
  fails = false
  // Of a group that others run nobody knows; of one that runs here it is known that it has none.
  const dead = ops.deadLetters('till', shop.paid)
  const refused = await dead.redrive({})
  expect(refused).toMatchObject({ done: 0, refused: 1 })
  expect(refused.refusals[0]?.why).toContain('deadLetterLife')
  expect(await dead.redrive({}, { force: true })).toMatchObject({ done: 1 })
  await runtime.settle()
  expect(handled).toBe(1)
})

test('of a group that nobody has declared, and of a service that does not handle it, it says so', async () => {
  await using made = await shopWith(1)
  const { bus } = made
  await expect(bus.deadLetters('nobody', shop.paid).list()).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
  expect(() => bus.deadLetters(service('idle'), shop.paid)).toThrow(TypeError)
  expect(() => bus.deadLetters('no name', shop.paid)).toThrow(TypeError)
})
