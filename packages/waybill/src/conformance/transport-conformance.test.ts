import { expect, test } from 'vitest'
import { WaybillError } from '../message/errors.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Capability } from '../transport/engine-facts.ts'
import type { Transport } from '../transport/transport.ts'
import { CLAUSES } from './clauses.ts'
import type { LinkFault, TransportUnderTest } from './harness.ts'
import { embeddedHarness } from './harnesses/embedded-harness.ts'
import { HistoryModel } from './mutants/history-model.ts'
import { hunt } from './mutants/hunt.ts'
import { tapped } from './tapped-transport.ts'
import { runClause, transportConformance } from './transport-conformance.ts'

const unsupported = (what: string): WaybillError => new WaybillError('WAYBILL_UNSUPPORTED', what)

/** Refuses a capability as an engine without it must. */
const refusing: Partial<Record<Capability, (good: Transport) => Transport>> = {
  durableGroups: (good) => tapped(good, { subscribe: (go, { transient }) => (transient ? go() : no('durable')) }),
  transientSubscriptions: (good) =>
    tapped(good, { subscribe: (go, { transient }) => (transient ? no('transient') : go()) }),
  ordered: (good) => tapped(good, { subscribe: (go, { group }) => (group.ordered ? no('ordered') : go()) }),
  liveFlow: (good) =>
    tapped(good, {
      flow: () => {
        throw unsupported('flow')
      },
    }),
  delayedRetry: (good) =>
    tapped(good, {
      settle: (batch, settle) => {
        if (batch.some((each) => each.action === 'retry' && each.afterMs > 0)) throw unsupported('delayed retry')
        settle(batch)
      },
    }),
  delayedSend: (good) =>
    tapped(good, {
      send: async (batch, send) =>
        batch.some(({ delayMs }) => delayMs !== undefined)
          ? batch.map(() => ({ outcome: 'refused', error: unsupported('delay') }))
          : await send(batch),
    }),
  expiry: (good) =>
    tapped(good, {
      send: async (batch, send) =>
        batch.some(({ message }) => message.expiresAt !== undefined)
          ? batch.map(() => ({ outcome: 'refused', error: unsupported('expiry') }))
          : await send(batch),
    }),
  deliveryCount: (good) =>
    tapped(good, {
      change: ({ message, redelivered, shard }) => ({ message, redelivered, shard, deliveryCount: undefined }),
    }),
}

function no(what: string): Promise<never> {
  return Promise.reject(unsupported(what))
}

test.each(Object.entries(refusing))(
  'a transport that refuses %s as it should passes the clauses that need it',
  async (capability, refuse) => {
    const good = embeddedHarness()
    const needing = CLAUSES.filter(({ needs }) => needs?.includes(capability as Capability)).slice(0, 2)
    const clauses = needing.length > 0 ? needing : CLAUSES.filter(({ needs }) => needs === undefined).slice(0, 2)
    expect(clauses).not.toEqual([])
    const createTransport = async (): Promise<TransportUnderTest> => {
      const { transport, dispose } = await good.createTransport()
      const refused = tapped(refuse(transport), {
        facts: (told) => ({ ...told, capabilities: { ...told.capabilities, [capability]: 'refused' } }),
      })
      return { transport: refused, dispose }
    }
    for (const clause of clauses)
      await expect(
        runClause(clause, { ...good, test: () => {}, createTransport }),
        clause.title,
      ).resolves.toBeUndefined()
    await good.close()
  },
)

test('an engine that keeps history passes the clauses on it', { timeout: 60_000 }, async () => {
  const clauses = CLAUSES.filter(
    ({ needs = [] }) => needs.includes('replay') || needs.some((each) => each.startsWith('start')),
  )
  expect(clauses.length).toBeGreaterThan(5)
  for (const clause of clauses) {
    const good = embeddedHarness()
    const model = new HistoryModel(systemRuntime())
    const originals = new WeakMap<Transport, Transport>()
    const reach = (fault: LinkFault): LinkFault =>
      typeof fault === 'function' ? (transport) => fault(originals.get(transport) ?? transport) : fault
    const createTransport = async (): Promise<TransportUnderTest> => {
      const { transport, dispose } = await good.createTransport()
      const over = model.over(transport)
      originals.set(over, transport)
      return { transport: over, dispose }
    }
    const faults = { ...good.faults, cut: reach(good.faults.cut), heal: reach(good.faults.heal) }
    await expect(
      runClause(clause, { ...good, faults, test: () => {}, createTransport }),
      clause.title,
    ).resolves.toBeUndefined()
    await good.close()
  }
})

test('transportConformance() skips by name, with the reason, what the harness cannot do', async () => {
  const good = embeddedHarness()
  const titles: string[] = []
  const skipped: string[] = []
  const faults = { ...good.faults, crash: { cannot: 'no way to' } }
  transportConformance({ ...good, faults, test: (title) => titles.push(title) })
  transportConformance({
    ...good,
    faults,
    test: () => {},
    skip: (title, reason) => skipped.push(`${title}: ${reason}`),
  })
  expect(titles).toHaveLength(CLAUSES.length)
  const crashing = CLAUSES.filter((clause) => clause.faults?.includes('crash')).map(({ title }) => title)
  expect(titles.filter((title) => title.endsWith('(skipped: crash: no way to)'))).toHaveLength(crashing.length)
  expect(skipped).toEqual(crashing.map((title) => `${title}: crash: no way to`))
  await good.close()
})

test('CLAUSES have titles of their own, in the form area/what holds', () => {
  const titles = CLAUSES.map(({ title }) => title)
  expect(new Set(titles).size).toBe(titles.length)
  for (const title of titles) expect(title).toMatch(/^[a-z-]+\/\S.*[^.]$/)
})

// All of them: `npm run conformance -- --mutants`.
test('hunt() finds the mutants of an area out, and no clause of it is without one', { timeout: 60_000 }, async () => {
  const { hunts, unfit, clausesWithoutMutant, astray } = await hunt(systemRuntime(), 'send/')
  expect([...unfit]).toEqual([])
  expect(clausesWithoutMutant).toEqual([])
  expect(astray).toEqual([])
  expect(hunts.filter(({ caughtBy }) => caughtBy === undefined)).toEqual([])
  expect(hunts.length).toBeGreaterThan(10)
})
