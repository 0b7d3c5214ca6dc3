import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAnnouncement } from '../../broker/process/announcement-file.ts'
import type { Announcement } from '../../broker/process/announcement.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { AmqpEngine } from '../../transports/amqp/engine.ts'
import { groupTopology } from '../../transports/amqp/topology.ts'
import { RabbitmqEngine } from '../../transports/rabbitmq/engine.ts'
import { FolderBroker } from '../../transports/shared/folder-broker.ts'
import { sharedTransport } from '../../transports/shared/shared-transport.ts'
import type { Harness } from './embedded-harness.ts'
import { MemoryAlarm } from './memory-alarm.ts'
import { MemberProxies } from './member-proxies.ts'
import { deleteQueues, makeQueue, readQueue } from './plain-queue.ts'

const HEARTBEAT_SECONDS = 1
/** While no broker is announced: nobody listens there. */
const NOBODY_PORT = 1
/** It ends with the harness; this is for a harness that is killed. */
const IDLE_MS = 60_000

/** A broker process on a real folder, which the members start again when it is killed; each member behind a proxy of its own. */
export async function sharedHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const home = await mkdtemp(join(tmpdir(), 'waybill-conformance-'))
  const dir = join(home, 'data')
  const broker = new FolderBroker(dir, IDLE_MS, runtime)
  const found = (): Promise<unknown> => broker.addresses(new AbortController().signal)
  await found()
  const proxies = new MemberProxies()
  const connect = async (): Promise<AmqpEngine> => {
    const engine = new RabbitmqEngine({ addresses: (signal) => broker.addresses(signal), options: {} }, runtime)
    await engine.connect(new AbortController().signal)
    return engine
  }
  const alarm = new MemoryAlarm(connect, runtime)
  const asClient = async <T>(use: (engine: AmqpEngine) => Promise<T>): Promise<T> => {
    const engine = await connect()
    try {
      return await use(engine)
    } finally {
      await engine.close(1_000)
    }
  }
  const target = {
    host: '127.0.0.1',
    // The next broker listens elsewhere.
    get port() {
      const reading = readAnnouncement(dir)
      return reading.state === 'announced' ? reading.announcement.port : NOBODY_PORT
    },
  }
  return {
    runtime,
    createTransport: () =>
      proxies.member(target, (port) => {
        const member = new FolderBroker(dir, IDLE_MS, runtime)
        const throughProxy = async (signal: AbortSignal) =>
          (await member.addresses(signal)).map((address) => ({ ...address, port }))
        return sharedTransport(throughProxy, HEARTBEAT_SECONDS, runtime)
      }),
    readDeadLetters: (group) => asClient((engine) => readQueue(engine, groupTopology(group).deadLetters)),
    makeForeignQueue: () => asClient((engine) => makeQueue(engine, runtime)),
    faults: {
      ...proxies.faults,
      restartBroker: async () => {
        process.kill(announced(dir).pid, 'SIGKILL')
        await found()
      },
      block: (blocked) => alarm.set(blocked),
      dropConsumers: (group) => asClient((engine) => deleteQueues(engine, group)),
    },
    close: async () => {
      process.kill(announced(dir).pid, 'SIGKILL')
      await rm(home, { recursive: true, force: true })
    },
  }
}

function announced(dir: string): Announcement {
  const reading = readAnnouncement(dir)
  if (reading.state !== 'announced') throw new Error(`no broker is announced in ${dir}`)
  return reading.announcement
}
