// Publish, deliver and acknowledge through the seam alone, on the in-memory broker.
import { Window } from './window.ts'
import { embedded } from 'waybill'
import type { Channel, Outgoing, Subscription, WireMessage } from 'waybill/transport'
import { WIRE_VERSION } from 'waybill/transport'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'

export async function seamRun(options: {
  messages: number
  window: number
}): Promise<{ seconds: number; cpuSeconds: number }> {
  const { messages } = options
  const window = new Window(options.window, messages)
  const runtime = systemRuntime()
  const transport = await embedded({ memory: true })(runtime)
  await transport.connect(AbortSignal.timeout(10_000))
  const channel: Channel = { kind: 'events', name: 'orders', shards: 1 }
  let subscription: Subscription | undefined
  subscription = await transport.subscribe(
    {
      group: { channel, name: 'counter', types: ['orders.placed'], ordered: false },
      transient: false,
      prefetch: options.window,
    },
    (batch) => {
      subscription?.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
      window.end(batch.length)
    },
  )
  const body = new TextEncoder().encode(JSON.stringify({ id: '12345', amount: 100 }))
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  const publisher = async (): Promise<void> => {
    while (await window.begin()) {
      const outgoing: Outgoing = { message: messageOf(runtime.newId(), body), to: channel }
      await transport.send([outgoing])
    }
  }
  await Promise.all([window.done, ...Array.from({ length: options.window }, publisher)])
  const used = process.cpuUsage(cpu)
  const result = { seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (used.user + used.system) / 1e6 }
  await transport.close(1_000)
  return result
}

export function messageOf(id: string, body: Uint8Array): WireMessage {
  return {
    id,
    source: 'bench',
    type: 'orders.placed',
    kind: 'event',
    wireVersion: WIRE_VERSION,
    time: Date.now(),
    schemaVersion: 1,
    contentType: 'application/json',
    replyTo: undefined,
    correlationId: id,
    causationId: undefined,
    expiresAt: undefined,
    key: undefined,
    sequence: undefined,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: undefined,
    attempt: 1,
    headers: {},
    body,
  }
}
