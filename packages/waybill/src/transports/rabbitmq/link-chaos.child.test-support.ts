// A process whose links are struck at any moment, on either connection, and then closed. It has to end by itself.
import { wireMessage } from '../../message/build-message.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { RabbitmqEngine } from './engine.ts'
import { Fork } from './fork.test-support.ts'
import { settingsOf } from './rabbitmq.ts'

/** A heartbeat timer that somebody forgot would keep the process for two of these. */
const HEARTBEAT_SECONDS = 120
const STEPS = 4
const MAX_PAUSE_MS = 25

const runtime = systemRuntime()
const [, , brokerUrl = '', rounds = '1'] = process.argv
const { hostname, port, username, password } = new URL(brokerUrl)

function pause(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, runtime.random() * MAX_PAUSE_MS))
}

function oneOf<T>(all: readonly T[]): T {
  return all[Math.floor(runtime.random() * all.length)] as T // not empty
}

async function round(): Promise<void> {
  const fork = await Fork.open(hostname, Number(port))
  const url = `amqp://${username}:${password}@127.0.0.1:${fork.port}`
  const settings = settingsOf({ url, heartbeatSeconds: HEARTBEAT_SECONDS })
  const engine = new RabbitmqEngine({ ...settings, backOff: { firstMs: 0, longestMs: 10 } }, runtime)
  const connecting = engine.connect(new AbortController().signal).catch(() => undefined)
  // Half of the rounds begin when the link is up.
  if (oneOf([true, false])) await connecting
  const queue = `waybill-test.${runtime.newId()}`
  const fields = {
    source: 'chaos',
    type: 'it',
    kind: 'event',
    contentType: 'text/plain',
    body: new Uint8Array(9),
  } as const
  const message = wireMessage(fields, runtime)
  const publication = { exchange: '', routingKey: queue, message, mandatory: false, persistent: false }
  const work: Promise<unknown>[] = [connecting]
  for (let step = 0; step < STEPS; step++) {
    const proxy = oneOf([fork.publishing, fork.consuming])
    await oneOf<() => unknown>([
      () => proxy.cut(),
      () => proxy.stall(oneOf(['to-client', 'to-target', 'both'])),
      () => proxy.refuse(),
      () => proxy.restore(),
      () => proxy.halfOpen('target'),
      () => void work.push(engine.publish([publication])),
      () => void work.push(engine.declareQueue({ name: queue, life: 'exclusive' }).catch(() => undefined)),
    ])()
    await pause()
  }
  await engine.close(50)
  await Promise.all(work)
  await fork.close()
}

for (let n = 0; n < Number(rounds); n++) await round()
console.log('closed')
