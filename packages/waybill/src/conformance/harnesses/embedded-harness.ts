import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { Transport } from '../../transport/transport.ts'
import type { AmqpEngine } from '../../transports/amqp/engine.ts'
import { AmqpTransport } from '../../transports/amqp/amqp-transport.ts'
import { groupTopology } from '../../transports/amqp/topology.ts'
import type { ConformanceOptions } from '../harness.ts'
import { EmbeddedHost } from './embedded-host.ts'
import type { LinkedEngine } from './linked-engine.ts'
import { consumedBy, makeQueue, readQueue } from './plain-queue.ts'

const SLOW_MS = 50
/** Of the transport, whether the broker still counts its consumers. */
const CHECK_EVERY_MS = 250

export type Harness = Omit<ConformanceOptions, 'test'> & { close(): Promise<void> }

/** The embedded broker in this process, on a simulated disk, its members behind links that can fail. */
export function embeddedHarness(runtime: Runtime = systemRuntime()): Harness {
  const host = new EmbeddedHost(runtime)
  const links = new WeakMap<Transport, LinkedEngine>()
  const linkOf = (transport: Transport): LinkedEngine => {
    const link = links.get(transport)
    if (link === undefined) throw new TypeError('not a transport of this harness')
    return link
  }
  const asClient = async <T>(use: (engine: AmqpEngine) => Promise<T>): Promise<T> => {
    const engine = host.link()
    await engine.connect(new AbortController().signal)
    try {
      return await use(engine)
    } finally {
      await engine.close(0)
    }
  }
  return {
    runtime,
    createTransport: () => {
      const link = host.link()
      const transport = new AmqpTransport(link, runtime, CHECK_EVERY_MS)
      links.set(transport, link)
      return Promise.resolve({ transport, dispose: () => transport.close(0) })
    },
    readDeadLetters: (group) => asClient((engine) => readQueue(engine, groupTopology(group).deadLetters)),
    makeForeignQueue: () => asClient((engine) => makeQueue(engine, runtime)),
    faults: {
      cut: (transport) => linkOf(transport).cut(),
      stall: async (transport) => linkOf(transport).stall(),
      halfOpen: async (transport) => linkOf(transport).halfOpen(),
      slow: async (transport) => linkOf(transport).slow(SLOW_MS),
      heal: (transport) => linkOf(transport).heal(),
      crash: (transport) => linkOf(transport).cut(),
      restartBroker: () => host.restart(),
      block: (blocked) => host.block(blocked),
      dropConsumers: (group) => host.forget(consumedBy(group)),
    },
    close: () => host.close(),
  }
}
