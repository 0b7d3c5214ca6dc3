// Two brokers, each leading half of the partitions, with two copies of everything that is sent.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { message } from '../../message/message-arbitrary.test-support.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { describeOwnKafka } from '../../testing/servers/describe-own-kafka.test-support.ts'
import { KafkaServer } from '../../testing/servers/kafka-server.ts'
import type { Channel, Delivery, Transport } from '../../transport.ts'
import { kafka } from './kafka.ts'

vi.setConfig({ testTimeout: 180_000 })

const runtime = systemRuntime()
const KEYS = Array.from({ length: 10 }, (_, n) => `key${n}`)
const ROUNDS = 50
const settings = { 'default.replication.factor': '2' }
const pause = (ms: number): Promise<void> => new Promise((resolve) => void runtime.setTimer(ms, resolve))

describeOwnKafka('kafka() on two brokers', () => {
  let first: KafkaServer
  let second: KafkaServer
  beforeAll(async () => {
    first = await KafkaServer.start({ settings })
    second = await KafkaServer.start({ settings, joins: first })
  }, 600_000)
  afterAll(async () => {
    await second.stop()
    await first.stop()
  })

  async function connected(): Promise<Transport> {
    const transport = await kafka({ brokers: [first.port, second.port].map((port) => `127.0.0.1:${port}`) })(runtime)
    await transport.connect(AbortSignal.timeout(30_000))
    return transport
  }

  test('a topic that has just been made is used before each of its leaders knows it', async () => {
    const member = await connected()
    for (let n = 0; n < 10; n++) {
      const channel: Channel = { kind: 'events', name: `orders.${runtime.newId().slice(-8)}`, shards: 6 }
      second.suspend()
      const declared = member.declare({ channels: [channel], groups: [{ channel, name: 'shipping', ordered: true }] })
      // So that it is asked before it has heard.
      await pause(300)
      second.resume()
      await expect(declared).resolves.toBeUndefined()
    }
    await member.close(500)
  })

  /** Sends it until each is accepted or unknown; what is refused was not stored. */
  async function insist(sender: Transport, channel: Channel, text: string): Promise<number> {
    let left = KEYS.map((key) => ({
      message: message({ id: `${text}/${key}`, key, attempt: 1, expiresAt: undefined }),
      to: channel,
    }))
    let accepted = 0
    while (left.length > 0) {
      const results = await sender.send(left)
      accepted += results.filter(({ outcome }) => outcome === 'accepted').length
      left = left.filter((_, n) => results[n]?.outcome === 'refused')
      if (left.length > 0) await pause(50)
    }
    return accepted
  }

  test.each([true, false])(
    'one is killed and comes back under load: what was accepted is handled; ordered: %s',
    async (ordered) => {
      const channel: Channel = { kind: 'events', name: `orders.${runtime.newId().slice(-8)}`, shards: 6 }
      const members = [await connected(), await connected()]
      const seen = new Map<string, string[]>()
      const handle = (batch: readonly Delivery[]): void => {
      for (const { message: { id, key = '' } } of batch) {
        const ids = seen.get(key) ?? []
        if (!ids.includes(id)) seen.set(key, [...ids, id])
      }
    } // prettier-ignore
      for (const member of members) {
        const group = { channel, name: 'shipping', ordered }
        const subscription = await member.subscribe({ group, transient: false, prefetch: 20 }, (batch) => {
          handle(batch)
          runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' }))))
        })
      }
      const sender = await connected()
      let accepted = 0
      for (let n = 0; n < ROUNDS; n++) {
        accepted += await insist(sender, channel, String(n))
        if (n === 15) await second.kill()
        if (n === 30) await second.restart()
      }
      const handled = (): number => [...seen.values()].reduce((sum, ids) => sum + ids.length, 0)
      await vi.waitUntil(() => handled() >= accepted, { timeout: 90_000, interval: 20 })
      const rounds = [...seen.values()].map((ids) => ids.map((id) => Number.parseInt(id, 10)))
      const inOrder = rounds.map((numbers) => numbers.toSorted((a, b) => a - b))
      expect(ordered ? rounds : inOrder).toEqual(inOrder)
      for (const transport of [...members, sender]) await transport.close(500)
    },
  )
})
