// What integration tests of a transport share: one that is connected, and what a service would do with it.
import { expect } from 'vitest'
import { numbered, text } from '../conformance/message-of.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Channel } from '../transport/channel.ts'
import { message } from '../transport/fixtures.test-support.ts'
import type { TransportEvent } from '../transport/transport-event.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import type { Delivery, Transport } from '../transport/transport.ts'

export { numbered, text }

export const runtime = systemRuntime()
const encoder = new TextEncoder()

/** A connected transport, what it reported, and its end. */
export interface Connected extends AsyncDisposable {
  readonly transport: Transport
  readonly events: readonly TransportEvent[]
}

export async function connectedBy(factory: TransportFactory): Promise<Connected> {
  const transport = await factory(runtime)
  const events: TransportEvent[] = []
  transport.onEvent((event) => void events.push(event))
  await transport.connect(AbortSignal.timeout(20_000))
  return { transport, events, [Symbol.asyncDispose]: () => transport.close(0) }
}

export function saying(body: string, fields: Partial<WireMessage> = {}): WireMessage {
  return message(runtime.newId(), { body: encoder.encode(body), ...fields })
}

/** Sends one message for each text, and insists that each is accepted. */
export async function send(transport: Transport, to: Channel, bodies: readonly string[], key?: string): Promise<void> {
  const fields = key === undefined ? {} : { key }
  const results = await transport.send(bodies.map((each) => ({ message: saying(each, fields), to })))
  expect(results.map(({ outcome }) => outcome)).toEqual(bodies.map(() => 'accepted'))
}

export function texts(deliveries: readonly Delivery[]): readonly string[] {
  return deliveries.map(text)
}
