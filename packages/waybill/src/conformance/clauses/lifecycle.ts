import { strict as assert } from 'node:assert'
import { isWaybillError, type WaybillError } from '../../message/errors.ts'
import type { Transport } from '../../transport/transport.ts'
import { clause, type Clause } from '../clause.ts'
import type { Stage } from '../stage.ts'

type Operation = readonly [name: string, run: () => Promise<unknown>]

/** Every operation of a transport but connect and close. */
function operations(stage: Stage, transport: Transport): readonly Operation[] {
  const channel = stage.channel()
  const group = stage.group(channel)
  return [
    ['declare', () => transport.declare({ channels: [channel], groups: [group] })],
    ['send', () => transport.send([{ message: stage.message(channel, 'm1'), to: channel }])],
    ['subscribe', () => transport.subscribe({ group, transient: false, prefetch: 1 }, () => {})],
    ['inspect', () => transport.inspect()],
  ]
}

async function outcomeOf(stage: Stage, [name, run]: Operation): Promise<unknown> {
  return await stage.patience.within(
    `${name}() to be answered`,
    run().then(
      () => 'resolved',
      (error: unknown) => error,
    ),
  )
}

function expectCode(outcome: unknown, name: string, ...codes: readonly WaybillError['code'][]): void {
  const isExpected = codes.some((code) => isWaybillError(outcome, code))
  assert.ok(isExpected, `${name}() should reject with ${codes.join(' or ')}, but: ${String(outcome)}`)
}

const signal = (): AbortSignal => new AbortController().signal

export const lifecycleClauses: readonly Clause[] = [
  clause('lifecycle/connect() tells engine, version, capabilities and limits', { needs: [] }, async (stage) => {
    const { facts } = await stage.member()
    assert.notEqual(facts.engine, '')
    assert.notEqual(facts.version, '')
    for (const [name, support] of Object.entries(facts.capabilities))
      assert.ok(['native', 'supplied', 'refused'].includes(support), `capability ${name} is ${String(support)}`)
    for (const [name, limit] of Object.entries(facts.limits)) {
      assert.ok(limit.value > 0, `limit ${name} is ${limit.value}`)
      assert.ok(['read', 'told', 'assumed'].includes(limit.source), `limit ${name} is known by ${limit.source}`)
    }
  }),

  clause(
    'lifecycle/before connect() every operation rejects with WAYBILL_NOT_CONNECTED',
    { needs: [] },
    async (stage) => {
      const transport = await stage.transport()
      for (const operation of operations(stage, transport))
        expectCode(await outcomeOf(stage, operation), operation[0], 'WAYBILL_NOT_CONNECTED')
    },
  ),

  clause('lifecycle/while connecting every operation waits or rejects with WAYBILL_NOT_CONNECTED', async (stage) => {
    const transport = await stage.transport()
    const connecting = transport.connect(signal())
    const outcomes = await Promise.all(
      operations(stage, transport).map(async (operation) => [operation[0], await outcomeOf(stage, operation)] as const),
    )
    await stage.patience.within('connect()', connecting)
    for (const [name, outcome] of outcomes)
      if (outcome !== 'resolved') expectCode(outcome, name, 'WAYBILL_NOT_CONNECTED')
    const channel = stage.channel()
    const [result] = await transport.send([{ message: stage.message(channel, 'm1'), to: channel }])
    assert.equal(result?.outcome, 'accepted', 'a send once connected')
  }),

  clause(
    'lifecycle/while the link is down every operation is answered, and all work again once it is up',
    { faults: ['cut', 'heal'] },
    async (stage) => {
      const member = await stage.member()
      const { transport } = member
      await stage.fault('cut')(transport)
      await member.reported('disconnected')
      const pending = operations(stage, transport).map(async (operation) => {
        const outcome = await operation[1]().then(
          (value) => value ?? 'resolved',
          (error: unknown) => error,
        )
        return [operation[0], outcome] as const
      })
      await stage.patience.pause(50)
      await stage.fault('heal')(transport)
      await member.reported('connected')
      for (const [name, outcome] of await stage.patience.within('operations begun while down', Promise.all(pending)))
        if (outcome instanceof Error) expectCode(outcome, name, 'WAYBILL_NOT_CONNECTED', 'WAYBILL_OUTCOME_UNKNOWN')
      for (const operation of operations(stage, transport)) {
        const outcome = await outcomeOf(stage, operation)
        assert.equal(outcome, 'resolved', `${operation[0]}() once the link is up: ${String(outcome)}`)
      }
    },
  ),

  clause(
    'lifecycle/while closing and once closed every operation rejects with WAYBILL_CLOSED',
    { needs: [] },
    async (stage) => {
      const { transport } = await stage.member()
      const closing = transport.close(1_000)
      for (const operation of operations(stage, transport))
        expectCode(await outcomeOf(stage, operation), `${operation[0]} while closing`, 'WAYBILL_CLOSED')
      await stage.patience.within('close()', closing)
      for (const operation of operations(stage, transport))
        expectCode(await outcomeOf(stage, operation), operation[0], 'WAYBILL_CLOSED')
      const again = await outcomeOf(stage, ['connect', () => transport.connect(signal())])
      expectCode(again, 'connect', 'WAYBILL_CLOSED')
    },
  ),

  clause(
    'lifecycle/close() before connect() resolves, and connect() then rejects with WAYBILL_CLOSED',
    { needs: [] },
    async (stage) => {
      const transport = await stage.transport()
      await stage.patience.within('close()', transport.close(0))
      expectCode(await outcomeOf(stage, ['connect', () => transport.connect(signal())]), 'connect', 'WAYBILL_CLOSED')
    },
  ),

  clause('lifecycle/close() while connecting resolves, and connect() is answered', { needs: [] }, async (stage) => {
    const transport = await stage.transport()
    const connecting = outcomeOf(stage, ['connect', () => transport.connect(signal())])
    await stage.patience.within('close()', transport.close(0))
    const outcome = await connecting
    if (outcome !== 'resolved') expectCode(outcome, 'connect', 'WAYBILL_CLOSED', 'WAYBILL_ABORTED')
    expectCode(await outcomeOf(stage, ['inspect', () => transport.inspect()]), 'inspect', 'WAYBILL_CLOSED')
  }),

  clause('lifecycle/close() twice at once, and again, resolves', { needs: [] }, async (stage) => {
    const { transport } = await stage.member()
    await stage.patience.within('two closes', Promise.all([transport.close(0), transport.close(0)]))
    await stage.patience.within('a third close', transport.close(0))
  }),

  clause('lifecycle/close() while the link is down resolves', { needs: [], faults: ['cut'] }, async (stage) => {
    const member = await stage.member()
    await stage.fault('cut')(member.transport)
    await member.reported('disconnected')
    await member.close(500)
  }),

  clause('lifecycle/connect() with an aborted signal rejects with WAYBILL_ABORTED', { needs: [] }, async (stage) => {
    const transport = await stage.transport()
    const outcome = await outcomeOf(stage, ['connect', () => transport.connect(AbortSignal.abort())])
    expectCode(outcome, 'connect', 'WAYBILL_ABORTED')
  }),

  clause(
    'lifecycle/connect() stops with WAYBILL_ABORTED when its signal aborts while the engine is silent',
    { needs: [], faults: ['stall'] },
    async (stage) => {
      const transport = await stage.transport()
      await stage.fault('stall')(transport)
      const abort = new AbortController()
      const connecting = outcomeOf(stage, ['connect', () => transport.connect(abort.signal)])
      await stage.patience.pause(50)
      abort.abort()
      expectCode(await connecting, 'connect', 'WAYBILL_ABORTED')
    },
  ),

  clause('lifecycle/a closed transport leaves no consumer behind', async (stage) => {
    const [leaving, staying] = [await stage.member(), await stage.member()]
    const group = stage.group()
    await staying.declare(group)
    await leaving.subscribe(group)
    await staying.sees(group, { consumers: 1 })
    await leaving.close()
    await staying.sees(group, { consumers: 0 })
  }),

  clause('lifecycle/two transports in one process do not know each other', async (stage) => {
    const [leaving, staying] = [await stage.member(), await stage.member()]
    const group = stage.group()
    const inbox = await staying.subscribe(group)
    await leaving.send(group.channel, 'm1')
    await leaving.close()
    await staying.send(group.channel, 'm2')
    await inbox.arrived(2)
    assert.deepEqual(
      staying.events.filter((event) => event.type === 'disconnected'),
      [],
    )
  }),

  clause(
    'lifecycle/onEvent() reports until it is called off',
    { needs: [], faults: ['cut', 'heal'] },
    async (stage) => {
      const member = await stage.member()
      let heard = 0
      const callOff = member.transport.onEvent(() => void heard++)
      await stage.fault('cut')(member.transport)
      await member.reported('disconnected')
      assert.ok(heard >= 1, 'the listener should have heard of the lost link')
      callOff()
      const before = heard
      await stage.fault('heal')(member.transport)
      await member.reported('connected')
      assert.equal(heard, before, 'events after it was called off')
    },
  ),
]
