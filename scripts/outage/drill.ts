import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { circuitBreaker } from '../../packages/waybill/src/resilience/circuit-breaker.ts'
import { contract, document, type } from '../../packages/waybill/src/contract/contract.ts'
import { createBus } from '../../packages/waybill/src/bus/create-bus.ts'
import { DIAGNOSTIC_CHANNELS, type HandleEnded } from '../../packages/waybill/src/bus/observation/diagnostics.ts'
import { silentLogger } from '../../packages/waybill/src/bus/observation/logger.ts'
import { service } from '../../packages/waybill/src/bus/service/service.ts'
import type { TransportFactory } from '../../packages/waybill/src/transport/transport-factory.ts'
import type { Topology } from '../../packages/waybill/src/transport/transport.ts'
import { Dependency } from './dependency.ts'

export interface Drill {
  readonly transport: TransportFactory
  /** Of the channel. */
  readonly name: string
  readonly downSeconds: number
  readonly rate: number
}

export interface Findings {
  readonly sent: number
  readonly handled: number
  readonly twice: number
  readonly deadLetters: number
  readonly callsWhileDown: number
  readonly mostCallsWhileDown: number
  readonly putOff: number
  readonly counted: number
  /** `undefined`: not within the time allowed. */
  readonly doneAfterSeconds: number | undefined
}

const CONCURRENCY = 16
/** So long the dependency is well before and after, while messages come. */
const WELL_SECONDS = 5
const ALLOWED_SECONDS = 60
const TICK_MS = 20

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** Resolves with the topology that it leaves. */
export async function drill({
  transport,
  name,
  downSeconds,
  rate,
}: Drill): Promise<{ readonly findings: Findings; readonly left: Topology }> {
  const work = contract(name, { charge: document(type<number>()) })
  const bank = new Dependency()
  const breaker = circuitBreaker('bank', { timeout: '2s' })
  const handled = new Map<number, number>()
  let lastAt = 0
  const payments = service('payments').on(
    work.charge,
    async (n) => {
      await breaker.call((signal) => bank.call(signal))
      handled.set(n, (handled.get(n) ?? 0) + 1)
      lastAt = performance.now()
    },
    { breaker, concurrency: CONCURRENCY },
  )
  const ends = { 'put-off': 0, retry: 0, reject: 0 }
  const onEnd = (ended: unknown): void => {
    const { action } = ended as HandleEnded // that channel's shape
    if (action in ends) ends[action as keyof typeof ends]++ // just looked
  }
  subscribe(DIAGNOSTIC_CHANNELS.handleEnd, onEnd)
  await bank.up()
  const bus = await createBus({ transport, services: [payments], logger: silentLogger, drainOn: [] })
  try {
    let sent = 0
    const sending = new Set<Promise<unknown>>()
    const load = async (seconds: number): Promise<void> => {
      const startedAt = performance.now()
      for (let due = 0; performance.now() - startedAt < seconds * 1_000;) {
        const elapsed = performance.now() - startedAt
        for (; due < (elapsed / 1_000) * rate; due++) {
          const one: Promise<unknown> = bus.send(work.charge, sent++).finally(() => sending.delete(one))
          sending.add(one)
        }
        await sleep(TICK_MS)
      }
    }
    await load(WELL_SECONDS)
    await bank.down()
    bank.calls = 0
    await load(downSeconds)
    const callsWhileDown = bank.calls
    await bank.up()
    const upAt = performance.now()
    await load(WELL_SECONDS)
    await Promise.all(sending)
    while (handled.size < sent && performance.now() - upAt < ALLOWED_SECONDS * 1_000) await sleep(TICK_MS)
    const isDone = handled.size === sent && lastAt - upAt <= ALLOWED_SECONDS * 1_000
    const { groups } = (await bus.health()).broker
    const findings: Findings = {
      sent,
      handled: handled.size,
      twice: [...handled.values()].filter((times) => times > 1).length,
      deadLetters: ends.reject + groups.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      callsWhileDown,
      // What ran when it went down, what ran until the circuit opened, and a probe for each reset time of 1 s and longer.
      mostCallsWhileDown: 3 * CONCURRENCY + downSeconds,
      putOff: ends['put-off'],
      counted: ends.retry,
      doneAfterSeconds: isDone ? (lastAt - upAt) / 1_000 : undefined,
    }
    const channel = work.charge.channel
    const group = { channel, name: payments.name, ordered: false }
    return { findings, left: { channels: [channel], groups: [group] } }
  } finally {
    unsubscribe(DIAGNOSTIC_CHANNELS.handleEnd, onEnd)
    await bus.drain('5s')
    await bank.down()
  }
}
