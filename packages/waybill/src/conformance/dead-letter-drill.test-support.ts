// What visits to dead letters must survive, on any engine: a link that is cut at any moment, a visitor that is killed, two of
// them at a time, and an ordered group that is at work meanwhile.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { FailureRecord } from '../message/failure.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { DeadLetterDecision, DeadLetterVisit } from '../transport/dead-letter-visit.ts'
import { channel, group, message } from '../transport/fixtures.test-support.ts'
import type { Delivery, Group, Settlement, Subscription, Transport } from '../transport/transport.ts'
import { FaultProxy } from '../testing/fault-proxy.ts'

export interface DrillEngine {
  /** Its room, and the function in it that makes its transport. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly url: (host: string, port: number) => string
  /** Connected; with a lease of a second or so, where it has one. */
  readonly connect: (url: string) => Promise<Transport>
  /** Nothing comes twice, whatever is cut; where nothing is, it does on no engine. */
  readonly isExact: boolean
}

const VISITOR = fileURLToPath(new URL('visitor.child.test-support.ts', import.meta.url))
const FAILURE: FailureRecord = { at: 0, attempt: 1, group: 'shipping', name: 'Error', message: 'drill' }
const WAIT = { timeout: 60_000, interval: 50 }
const LONG = 180_000
const runtime = systemRuntime()
const pause = (ms: number): Promise<void> => new Promise((resolve) => void runtime.setTimer(ms, resolve))
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n + 1}`)

let drills = 0
const newGroup = (ordered = false): Group => {
  const of = channel('events', `drill-${runtime.newId().slice(-8)}-${++drills}`, ordered ? 2 : 1)
  return group(of, 'shipping', { ordered })
}

const redriveAll: DeadLetterVisit['decide'] = (letters) =>
  Promise.resolve(letters.map((each): DeadLetterDecision => ({ action: 'redrive', message: each })))

/** Settles what comes as `how` says, at once. */
async function handling(
  transport: Transport,
  of: Group,
  how: (delivery: Delivery) => Settlement | undefined,
  prefetch = 50,
): Promise<Subscription> {
  let subscription: Subscription | undefined
  const early: Settlement[] = []
  subscription = await transport.subscribe({ group: of, transient: false, prefetch }, (batch) => {
    const settlements = batch.map(how).filter((each) => each !== undefined)
    if (subscription === undefined) early.push(...settlements)
    else subscription.settle(settlements)
  })
  subscription.settle(early)
  return subscription
}

async function deadLetters(transport: Transport, of: Group): Promise<number | undefined> {
  const { groups } = await transport.inspect()
  return groups.find((each) => each.channel === of.channel.name)?.deadLetters
}

/** Makes one of each id, in their order. @param keyOf what stands before its number */
async function bury(transport: Transport, of: Group, ids: readonly string[]): Promise<void> {
  await transport.declare({ channels: [of.channel], groups: [of] })
  const before = (await deadLetters(transport, of)) ?? 0
  const reject = (delivery: Delivery): Settlement => ({ delivery, action: 'reject', reason: 'failed', detail: 'drill' })
  const burying = await handling(transport, of, reject)
  const batch = ids.map((id) => ({ message: message(id, { key: keyOf(id) }), to: of.channel }))
  for (const { outcome } of await transport.send(batch)) expect(outcome).toBe('accepted')
  await expect.poll(() => deadLetters(transport, of), WAIT).toBe(before + ids.length)
  await burying.close(5_000)
}

const keyOf = (id: string): string => id.replace(/\d+$/, '')

export function drillDeadLetters(engine: () => DrillEngine): void {
  const direct = (): Promise<Transport> => {
    const { host, port, url, connect } = engine()
    return connect(url(host, port))
  }

  /** Redrives all, whatever ends a visit, while `trouble` goes on; answers how often each was handled. */
  async function troubled(
    ids: readonly string[],
    visitOnce: (of: Group) => Promise<void>,
  ): Promise<{ readonly missing: readonly string[]; readonly twice: readonly string[] }> {
    const of = newGroup()
    const home = await direct()
    const handled = new Map<string, number>()
    try {
      await bury(home, of, ids)
      const handler = await handling(home, of, (delivery) => {
        handled.set(delivery.message.id, (handled.get(delivery.message.id) ?? 0) + 1)
        return { delivery, action: 'ack' }
      })
      for (let tries = 0; tries < 100 && ((await deadLetters(home, of)) ?? 0) > 0; tries++) await visitOnce(of)
      await expect.poll(() => ids.filter((id) => !handled.has(id)), WAIT).toEqual([])
      // What comes twice comes soon.
      await pause(500)
      await handler.close(5_000)
    } finally {
      await home.close(5_000)
    }
    return {
      missing: ids.filter((id) => !handled.has(id)),
      twice: [...handled].filter(([, count]) => count > 1).map(([id]) => id),
    }
  }

  test('a link that is cut at any moment of a visit', { timeout: LONG }, async () => {
    const { host, port, url, connect, isExact } = engine()
    const proxy = await FaultProxy.open({ host, port })
    const visitor = await connect(url('127.0.0.1', proxy.port))
    let cuts = 0
    try {
      const { missing, twice } = await troubled(numbered('m', 120), async (of) => {
        await expect.poll(async () => (await visitor.inspect()).connected, WAIT).toBe(true)
        const visited = visitor.visitDeadLetters(of, { limit: 1_000, batch: 5, decide: redriveAll })
        // In steps of less than a round trip, from none to many.
        await Promise.all([pause(++cuts).then(() => proxy.cut()), visited.catch(() => undefined)])
      })
      expect(missing).toEqual([])
      expect(isExact ? twice : []).toEqual([])
    } finally {
      await visitor.close(0)
      await proxy.close()
    }
  })

  test('a visitor whose process is killed at any moment', { timeout: LONG }, async () => {
    const { name, host, port, url, isExact } = engine()
    let kills = 0
    const { missing, twice } = await troubled(numbered('m', 200), async (of) => {
      const args = ['--conditions=@waybill/source', VISITOR, name, url(host, port), of.channel.name]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      // It says so when it begins.
      await Promise.race([new Promise<void>((resolve) => child.stdout.once('data', () => resolve())), gone])
      // The tenth may end its visit.
      if (++kills < 10) {
        await pause(2 * kills)
        child.kill('SIGKILL')
      }
      await gone
    })
    expect(missing).toEqual([])
    expect(isExact ? twice : []).toEqual([])
  })

  test('two visits at a time', { timeout: LONG }, async () => {
    const visitors = [await direct(), await direct()]
    try {
      const { missing, twice } = await troubled(numbered('m', 150), async (of) => {
        await Promise.all(
          visitors.map((each) => each.visitDeadLetters(of, { limit: 1_000, batch: 7, decide: redriveAll })),
        )
      })
      expect(missing).toEqual([])
      expect(twice).toEqual([])
    } finally {
      await Promise.all(visitors.map((each) => each.close(5_000)))
    }
  })

  test(
    'what is kept is shown again, at its place; what is replaced, not by the same visit',
    { timeout: LONG },
    async () => {
      const home = await direct()
      try {
        const of = newGroup()
        const ids = numbered('m', 10)
        await bury(home, of, ids)
        const shown: string[] = []
        const odd = (id: string): boolean => Number(id.slice(1)) % 2 === 1
        await home.visitDeadLetters(of, {
          limit: 1_000,
          batch: 3,
          decide: (letters) => {
            shown.push(...letters.map(({ id }) => id))
            return Promise.resolve(
              letters.map((each): DeadLetterDecision => odd(each.id) ? { action: 'keep' } : { action: 'replace', message: { ...each, headers: { ...each.headers, seen: 'once' } } }), // prettier-ignore
            )
          },
        })
        expect(shown).toEqual(ids)
        expect(await deadLetters(home, of)).toBe(10)
        const again: string[] = []
        await home.visitDeadLetters(of, {
          limit: 1_000,
          batch: 4,
          decide: (letters) => {
            again.push(...letters.map(({ id, headers }) => `${id}${headers['seen'] ?? ''}`))
            return Promise.resolve(letters.map(() => ({ action: 'remove' as const })))
          },
        })
        expect(again).toEqual([...ids.filter(odd), ...ids.filter((id) => !odd(id)).map((id) => `${id}once`)])
        await expect.poll(() => deadLetters(home, of), WAIT).toBe(0)
      } finally {
        await home.close(5_000)
      }
    },
  )

  test(
    'on an ordered group, behind what is unsettled of its key, while its owner is at work',
    { timeout: LONG },
    async () => {
      const home = await direct()
      try {
        const of = newGroup(true)
        await bury(home, of, [...numbered('a', 6), ...numbered('b', 6)])
        const handled: string[] = []
        const handler = await handling(
          home,
          of,
          (delivery) => {
            const { id, attempt } = delivery.message
            if (id === 'a100' && attempt === 1)
              return { delivery, action: 'retry', afterMs: 2_000, attempt: 2, failure: FAILURE }
            handled.push(id)
            return { delivery, action: 'ack' }
          },
          1,
        )
        await home.send([{ message: message('a100', { key: 'a' }), to: of.channel }])
        await pause(700)
        await home.visitDeadLetters(of, { limit: 1_000, batch: 5, decide: redriveAll })
        await expect.poll(() => handled.filter((id) => id.startsWith('b')), WAIT).toEqual(numbered('b', 6))
        await expect.poll(() => handled.filter((id) => id.startsWith('a')), WAIT).toEqual(['a100', ...numbered('a', 6)])
        expect(await deadLetters(home, of)).toBe(0)
        await handler.close(5_000)
      } finally {
        await home.close(5_000)
      }
    },
  )

  test('on an ordered group, behind what nobody has read yet', { timeout: LONG }, async () => {
    const home = await direct()
    try {
      const of = newGroup(true)
      await bury(home, of, [...numbered('a', 3), ...numbered('b', 3)])
      const fresh = Array.from({ length: 100 }, (_, n) => `a${100 + n}`)
      await home.send(fresh.map((id) => ({ message: message(id, { key: 'a' }), to: of.channel })))
      await home.visitDeadLetters(of, { limit: 1_000, batch: 2, decide: redriveAll })
      await home.send([{ message: message('a999', { key: 'a' }), to: of.channel }])
      const handled: string[] = []
      const handler = await handling(
        home,
        of,
        (delivery) => {
          handled.push(delivery.message.id)
          return { delivery, action: 'ack' }
        },
        4,
      )
      await expect.poll(() => handled.length, WAIT).toBe(107)
      const ofKey = handled.filter((id) => id.startsWith('a') && id !== 'a999')
      expect(ofKey).toEqual([...fresh, ...numbered('a', 3)])
      expect(handled.filter((id) => id.startsWith('b'))).toEqual(numbered('b', 3))
      await handler.close(5_000)
    } finally {
      await home.close(5_000)
    }
  })

  test('what is redriven outlives the owner of its shard, in order', { timeout: LONG }, async () => {
    const { host, port, url, connect } = engine()
    const proxy = await FaultProxy.open({ host, port })
    const home = await direct()
    const first = await connect(url('127.0.0.1', proxy.port))
    try {
      const of = newGroup(true)
      const ids = [...numbered('a', 8), ...numbered('b', 8)]
      await bury(home, of, ids)
      const held: string[] = []
      await handling(first, of, ({ message: { id } }) => void held.push(id))
      await home.visitDeadLetters(of, { limit: 1_000, batch: 16, decide: redriveAll })
      await expect.poll(() => held, WAIT).toEqual(expect.arrayContaining(['a1', 'b1']))
      await proxy.refuse()
      proxy.cut()
      const handled: string[] = []
      const handler = await handling(home, of, (delivery) => {
        handled.push(delivery.message.id)
        return { delivery, action: 'ack' }
      })
      await expect.poll(() => handled.toSorted(), WAIT).toEqual(ids.toSorted())
      for (const key of ['a', 'b']) expect(handled.filter((id) => id.startsWith(key))).toEqual(numbered(key, 8))
      await handler.close(5_000)
    } finally {
      await first.close(0)
      await home.close(5_000)
      await proxy.close()
    }
  })

  test('a group that nobody knows is WAYBILL_NOT_FOUND', async () => {
    const home = await direct()
    try {
      const visit = { limit: 1, batch: 1, decide: redriveAll }
      await expect(home.visitDeadLetters(newGroup(), visit)).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
    } finally {
      await home.close(5_000)
    }
  })
}
