// What the bus costs on top of the seam: the same messages on the in-memory broker, once through the transport, once
// through publish() and a handler. Nothing here asserts time; the budget is in docs/benchmarks.md.
import { contract, createBus, embedded, event, service, silentLogger } from 'waybill'
import { z } from 'zod'
import { interval, pairs } from './pairs.ts'
import { seamRun } from './seam-run.ts'
import { Window } from './window.ts'

const MESSAGES = Number(process.env['MESSAGES'] ?? 50_000)
const WINDOW = 256
const CONCURRENCY = 256

const orders = contract('orders', { placed: event(z.object({ id: z.string(), amount: z.number() })) })

async function busRun(): Promise<{ seconds: number; cpuSeconds: number }> {
  const window = new Window(WINDOW, MESSAGES)
  const counter = service('counter').on(orders.placed, () => window.end(1), {
    concurrency: CONCURRENCY,
    prefetch: WINDOW,
  })
  await using bus = await createBus({
    transport: embedded({ memory: true }),
    services: [counter],
    logger: silentLogger,
    drainOn: [],
  })
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  let sent = 0
  const publisher = async (): Promise<void> => {
    while (await window.begin()) await bus.publish(orders.placed, { id: String(sent++), amount: 100 })
  }
  await Promise.all([window.done, ...Array.from({ length: WINDOW }, publisher)])
  const used = process.cpuUsage(cpu)
  return { seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (used.user + used.system) / 1e6 }
}

export async function busBench(rounds: number): Promise<void> {
  const results = await pairs(rounds, () => seamRun({ messages: MESSAGES, window: WINDOW }), busRun)
  const perMessage = results.map(({ a, b }) => ((b.cpuSeconds - a.cpuSeconds) / MESSAGES) * 1e6)
  console.log(`bus on the in-memory broker, ${MESSAGES} messages, window ${WINDOW}, ${rounds} alternating pairs`)
  console.log(
    `  seam  ${interval(results.map(({ a }) => (a.cpuSeconds / MESSAGES) * 1e6))} us CPU per message, ${interval(
      results.map(({ a }) => MESSAGES / a.seconds),
      0,
    )} msg/s`,
  )
  console.log(
    `  bus   ${interval(results.map(({ b }) => (b.cpuSeconds / MESSAGES) * 1e6))} us CPU per message, ${interval(
      results.map(({ b }) => MESSAGES / b.seconds),
      0,
    )} msg/s`,
  )
  console.log(`  on top of the seam: ${interval(perMessage)} us CPU per message`)
}
