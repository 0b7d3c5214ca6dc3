// What Kafka's own cleaner does to dead letters: it takes what was removed, and nothing else.
import { Admin } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { systemRuntime } from '../../../runtime/system-runtime.ts'
import { describeOwnKafka } from '../../../testing/servers/describe-own-kafka.test-support.ts'
import { KafkaServer } from '../../../testing/servers/kafka-server.ts'
import { Link } from '../../../transport/link.ts'
import type { DeadLetterDecision } from '../../../transport/dead-letter-visit.ts'
import { channel, group, message } from '../../../transport/fixtures.test-support.ts'
import type { Settlement, Subscription, Transport } from '../../../transport/transport.ts'
import { loadDriver } from '../driver.ts'
import { Fetcher } from '../fetcher.ts'
import { kafka } from '../kafka.ts'
import { linkSettings, openSession, type KafkaAddress } from '../open-connection.ts'
import type { Session } from '../session.ts'
import { EARLIEST, LATEST, offsetsOf } from '../offsets.ts'
import { readPartition } from '../read-partition.ts'
import { namesOf } from '../topic-names.ts'
import { kindOf } from './letter-record.ts'

const runtime = systemRuntime()
const orders = group(channel('events', 'orders'), 'shipping')
const { dead } = namesOf(orders)
const WAIT = { timeout: 60_000, interval: 100 }
const TOPIC = 2
const SET = 0 as const

/** As a busy topic has it after days. */
const EAGER = { 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.001', 'delete.retention.ms': '100' }

async function connected(url: string): Promise<Transport> {
  const transport = await kafka({ url })(runtime)
  await transport.connect(AbortSignal.timeout(20_000))
  return transport
}

async function visited(
  by: Transport,
  decide: (id: string) => DeadLetterDecision['action'],
): Promise<readonly string[]> {
  const shown: string[] = []
  await by.visitDeadLetters(orders, {
    limit: 1_000,
    batch: 7,
    decide: (letters) => {
      shown.push(...letters.map(({ id }) => id))
      return Promise.resolve(letters.map((letter) => ({ action: decide(letter.id), message: letter })))
    },
  })
  return shown
}

describeOwnKafka('dead letters and the cleaner', () => {
  test('what is removed goes, what is left stays and is counted', { timeout: 180_000 }, async () => {
    const server = await KafkaServer.start({ settings: { 'log.cleaner.backoff.ms': '100' } })
    const admin = new Admin({ clientId: 'operator', bootstrapBrokers: [`127.0.0.1:${server.port}`] })
    const [home, later] = [await connected(server.url), await connected(server.url)]
    const settings = { addresses: [{ host: '127.0.0.1', port: server.port }], options: {} }
    const told = { up: () => undefined, down: () => undefined, trouble: () => undefined }
    const looker = new Link<KafkaAddress, Session>(
      runtime,
      linkSettings(settings, () => []),
      told,
    )
    try {
      const open = openSession(await loadDriver(), settings, runtime)
      const session = await looker.connect(open, AbortSignal.timeout(20_000))
      const lettersThere = async (): Promise<number> => {
        await session.topics([dead])
        const [[from = 0n], [end = 0n]] = await Promise.all([offsetsOf(session, dead, EARLIEST), offsetsOf(session, dead, LATEST)]) // prettier-ignore
        const fetcher = new Fetcher(session, 'shared')
        let letters = 0
        await readPartition({ session, fetcher }, { topic: dead, partition: 0, from, end }, (record) => {
          if (kindOf(record).kind === 'letter') letters++
        })
        return letters
      }
      await home.declare({ channels: [orders.channel], groups: [orders] })
      await later.declare({ channels: [], groups: [orders] })
      const ids = Array.from({ length: 21 }, (_, n) => `m${n}`)
      let burying: Subscription | undefined
      burying = await home.subscribe({ group: orders, transient: false, prefetch: 50 }, (batch) =>
        burying?.settle(batch.map((delivery): Settlement => ({ delivery, action: 'reject', reason: 'failed', detail: 'test' }))),
      ) // prettier-ignore
      await home.send(ids.map((id) => ({ message: message(id, { key: 'ada' }), to: orders.channel })))
      await expect.poll(lettersThere, WAIT).toBe(21)
      await burying.close(1_000)
      const configs = Object.entries(EAGER).map(([name, value]) => ({ name, configOperation: SET, value }))
      await admin.incrementalAlterConfigs({ resources: [{ resourceType: TOPIC, resourceName: dead, configs }], validateOnly: false }) // prettier-ignore

      // m0 stays in front, so that nothing goes by the beginning of the log.
      const isKept = (id: string): boolean => Number(id.slice(1)) % 5 === 0
      expect(await visited(home, (id) => (isKept(id) ? 'keep' : 'remove'))).toEqual(ids)
      await expect
        .poll(async () => {
          // The newest segment is never cleaned.
          await visited(home, (id) => (id === 'm20' ? 'replace' : 'keep'))
          return await lettersThere()
        }, WAIT)
        .toBeLessThan(8)
      const left = ids.filter(isKept)
      for (const each of [home, later]) {
        const { groups } = await each.inspect()
        expect(groups[0]?.deadLetters).toBe(left.length)
        expect(await visited(each, () => 'keep')).toEqual(left)
      }
    } finally {
      await looker.close(1_000)
      await Promise.all([home.close(1_000), later.close(1_000), admin.close()])
      await server.stop()
    }
  })
})
