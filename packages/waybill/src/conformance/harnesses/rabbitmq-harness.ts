import type { Runtime } from '../../runtime/runtime.ts'
import type { Group } from '../../transport/transport.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { RabbitmqServer } from '../../testing/servers/rabbitmq-server.ts'
import type { AmqpEngine } from '../../transports/amqp/engine.ts'
import { groupTopology } from '../../transports/amqp/topology.ts'
import { RabbitmqEngine } from '../../transports/rabbitmq/engine.ts'
import { rabbitmq, settingsOf } from '../../transports/rabbitmq/rabbitmq.ts'
import { WaybillServer } from '../../testing/servers/waybill-server.ts'
import { tapped } from '../tapped-transport.ts'
import type { Harness } from './embedded-harness.ts'
import { MemoryAlarm } from './memory-alarm.ts'
import { MemberProxies } from './member-proxies.ts'
import { consumedBy, deleteQueues, makeQueue, readQueue } from './plain-queue.ts'

/** A silent peer is given up after two of these: soon enough for a test, and what RabbitMQ can still keep. */
const HEARTBEAT_SECONDS = 1

/**
 * RabbitMQ (seen on 3.10.8) writes where the log of a newly declared quorum queue lies up to a second after it has answered;
 * killed before, it starts that queue empty, confirmed messages or not. Nothing that a client could do about it.
 */
const DECLARATIONS_SETTLE_MS = 1_500

/** What the harness does to a server that it has for itself. */
interface OwnServer {
  readonly url: string
  readonly port: number
  /** Ends it as kill -9 does. */
  kill(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

type AsClient = <T>(use: (engine: AmqpEngine) => Promise<T>) => Promise<T>

interface OwnServerOptions {
  readonly server: OwnServer
  /** How long after the last declaration it may be killed. */
  readonly settleMs: number
  readonly block: (blocked: boolean) => Promise<void>
  readonly dropConsumers: (group: Group, asClient: AsClient) => Promise<void>
  readonly runtime: Runtime
}

/** A RabbitMQ node of our own, each member behind a proxy of its own. */
export async function rabbitmqHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const server = await RabbitmqServer.start()
  const block = (blocked: boolean): Promise<void> => server.block(blocked)
  const dropConsumers = (group: Group): Promise<void> => server.dropConsumers(consumedBy(group))
  return harnessOf({ server, settleMs: DECLARATIONS_SETTLE_MS, block, dropConsumers, runtime })
}

/** The same transport on `waybill broker`. */
export async function waybillServerHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const server = await WaybillServer.start()
  const alarm = new MemoryAlarm(() => connect(server.url, runtime), runtime)
  const dropConsumers: OwnServerOptions['dropConsumers'] = (group, asClient) =>
    asClient((engine) => deleteQueues(engine, group))
  return harnessOf({ server, settleMs: 0, block: (blocked) => alarm.set(blocked), dropConsumers, runtime })
}

async function connect(url: string, runtime: Runtime): Promise<AmqpEngine> {
  const engine = new RabbitmqEngine(settingsOf({ url }), runtime)
  await engine.connect(new AbortController().signal)
  return engine
}

function harnessOf({ server, settleMs, block, dropConsumers, runtime }: OwnServerOptions): Harness {
  let declaredAt = -settleMs
  const noting = <T>(answer: T): T => {
    declaredAt = runtime.monotonic()
    return answer
  }
  const proxies = new MemberProxies()
  const asClient: AsClient = async (use) => {
    const engine = await connect(server.url, runtime)
    try {
      return await use(engine)
    } finally {
      await engine.close(1_000)
    }
  }
  return {
    runtime,
    createTransport: () =>
      proxies.member({ host: '127.0.0.1', port: server.port }, async (port) => {
        const url = `amqp://guest:guest@127.0.0.1:${port}`
        return tapped(await rabbitmq({ url, heartbeatSeconds: HEARTBEAT_SECONDS })(runtime), {
          declare: async (topology, declare) => noting(await declare(topology)),
          subscribe: async (subscribe) => noting(await subscribe()),
        })
      }),
    readDeadLetters: (group) => asClient((engine) => readQueue(engine, groupTopology(group).deadLetters)),
    makeForeignQueue: () => asClient((engine) => makeQueue(engine, runtime)),
    faults: {
      ...proxies.faults,
      restartBroker: async () => {
        const left = declaredAt + settleMs - runtime.monotonic()
        if (left > 0) await new Promise<void>((resolve) => void runtime.setTimer(left, resolve))
        await server.kill()
        await server.restart()
      },
      block,
      dropConsumers: (group) => dropConsumers(group, asClient),
    },
    close: () => server.stop(),
  }
}
