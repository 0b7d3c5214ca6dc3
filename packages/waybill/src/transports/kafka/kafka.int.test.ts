// What conformance does not show: logins over TLS, several brokers, members that come and go, and a log that has been cut.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { service, type Service } from '../../bus/service/service.ts'
import { contract, event, query, type } from '../../contract/contract.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { freePort } from '../../testing/servers/free-port.ts'
import { describeOwnKafka } from '../../testing/servers/describe-own-kafka.test-support.ts'
import { KAFKA_USER, KafkaServer } from '../../testing/servers/kafka-server.ts'
import { message } from '../../message/message-arbitrary.test-support.ts'
import type { Delivery, Group, SubscriptionSpec, Transport } from '../../transport/transport.ts'
import { kafka } from './kafka.ts'
import { KafkaClient } from './kafka-client.ts'
import type { KafkaOptions } from './kafka-options.ts'

vi.setConfig({ testTimeout: 120_000 })

const runtime = systemRuntime()
const quiet = { logger: silentLogger, drainOn: [], drainTimeout: '5s' } as const
let uniques = 0
const unique = (what: string): string => `${what}-${runtime.newId().slice(-8)}-${++uniques}`

describeOwnKafka('kafka()', () => {
  let server: KafkaServer
  beforeAll(async () => {
    server = await KafkaServer.start({ tls: true })
  }, 600_000)
  afterAll(() => server.stop())

  async function connected(options: KafkaOptions = { url: server.url }): Promise<Transport> {
    const transport = await kafka(options)(runtime)
    await transport.connect(new AbortController().signal)
    return transport
  }

  const until = (condition: () => boolean): Promise<void> =>
    vi.waitUntil(condition, { timeout: 60_000, interval: 10 }).then(() => undefined)

  describe('over TLS with a login', () => {
    const secured = (more: Partial<KafkaOptions> = {}): KafkaOptions => ({
      brokers: [`localhost:${server.saslPort}`],
      tls: { ca: server.authority.certificate },
      sasl: { mechanism: 'PLAIN', ...KAFKA_USER },
      ...more,
    })

    test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)(
      'logs in with %s, and answers',
      async (mechanism) => {
        const name = unique('sums')
        const sums = contract(name, { double: query(type<{ n: number }>(), type<{ n: number }>()) })
        const answers = service('sums').answer(sums.double, ({ n }) => ({ n: 2 * n }))
        const transport = kafka(secured({ sasl: { mechanism, ...KAFKA_USER } }))
        await using bus = await createBus({ ...quiet, transport, services: [answers] })
        expect(await bus.request(sums.double, { n: 21 }, { timeout: '20s' })).toEqual({ n: 42 })
      },
    )

    test('reads both from the address', async () => {
      const user = `${KAFKA_USER.username}:${encodeURIComponent(KAFKA_USER.password)}`
      const url = `kafka://${user}@127.0.0.1:${server.saslPort}?tls=true&sasl=scram-sha-256`
      const transport = await connected({ url, tls: { ca: server.authority.certificate } })
      expect((await transport.inspect()).connected).toBe(true)
      await transport.close(0)
    })

    test.each(['PLAIN', 'SCRAM-SHA-512'] as const)(
      'a wrong password of %s is WAYBILL_ACCESS_REFUSED',
      async (mechanism) => {
        const sasl = { mechanism, username: KAFKA_USER.username, password: 'open sesame' }
        const error: unknown = await connected(secured({ sasl })).catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
        expect(String(error)).not.toContain('sesame')
      },
    )

    test('a server that is not trusted is WAYBILL_NOT_CONNECTED', async () => {
      await expect(connected(secured({ tls: true }))).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
    })
  })

  describe('with several brokers', () => {
    test('starts with the second where nobody listens on the first', async () => {
      const transport = await connected({ brokers: [`127.0.0.1:${await freePort()}`, `127.0.0.1:${server.port}`] })
      expect((await transport.inspect()).connected).toBe(true)
      await transport.close(0)
    })

    test('says of each why it cannot be used', async () => {
      const ports = [await freePort(), await freePort()]
      const error: unknown = await connected({ url: `kafka://127.0.0.1:${ports[0]},127.0.0.1:${ports[1]}` }).catch(
        (reason: unknown) => reason,
      )
      expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
      for (const port of ports) expect(String(error)).toContain(`127.0.0.1:${port}`)
    })
  })

  describe('while members come and go', () => {
    const KEYS = 24
    const EACH = 60

    const ALL = Array.from({ length: EACH }, (_, n) => n)

    /** 2 members, 3, 2, 1: what was handled of each key, in the order of first handlings, once all was. */
    async function underLoad(ordered: boolean): Promise<ReadonlyMap<string, readonly number[]>> {
      const orders = contract(
        unique('orders'),
        { shards: ordered ? 6 : 1 },
        { placed: event(type<{ key: string; n: number }>(), { key: (m) => m.key }) },
      )
      const handled = new Map<string, number[]>()
      const shipping = (): Service =>
        service('shipping').on(
          orders.placed,
          ({ key, n }, context) => {
            // Every fifth fails once, so that lanes and retries are in it.
            if (n % 5 === 0 && context.attempt === 1) throw new Error('once')
            const numbers = handled.get(key) ?? []
            if (!numbers.includes(n)) handled.set(key, [...numbers, n])
          },
          { concurrency: 8, ordered, retry: { attempts: 5, base: '20ms' } },
        )
      const member = () => createBus({ ...quiet, transport: kafka({ url: server.url }), services: [shipping()] })
      const members = [await member(), await member()]
      const sender = await createBus({ ...quiet, transport: kafka({ url: server.url }) })
      for (const n of ALL) {
        await Promise.all(
          Array.from({ length: KEYS }, (_, key) => sender.publish(orders.placed, { key: `key${key}`, n })),
        )
        if (n === 15) members.push(await member())
        if (n === 30 || n === 45) await members.shift()?.drain()
      }
      const done = (): number => [...handled.values()].reduce((sum, numbers) => sum + numbers.length, 0)
      await until(() => done() === KEYS * EACH)
      for (const bus of [...members, sender]) await bus.drain()
      return handled
    }

    test('2 to 3 to 2 to 1 under load: nothing is lost, and keys keep their order', async () => {
      const handled = await underLoad(true)
      expect(handled.size).toBe(KEYS)
      for (const numbers of handled.values()) expect(numbers).toEqual(ALL)
    })

    test('2 to 3 to 2 to 1 under load: nothing is lost where no order is kept', async () => {
      const handled = await underLoad(false)
      expect(handled.size).toBe(KEYS)
      for (const numbers of handled.values()) expect(numbers.toSorted((a, b) => a - b)).toEqual(ALL)
    })

    test('every request is answered while those who answer change', async () => {
      const sums = contract(unique('sums'), { double: query(type<{ n: number }>(), type<{ n: number }>()) })
      const answerer = () =>
        createBus({
          ...quiet,
          transport: kafka({ url: server.url }),
          services: [service('sums').answer(sums.double, ({ n }) => ({ n: 2 * n }))],
        })
      const answerers = [await answerer()]
      const asker = await createBus({ ...quiet, transport: kafka({ url: server.url }) })
      for (let n = 0; n < 40; n++) {
        if (n % 10 === 5) {
          answerers.push(await answerer())
          await answerers.shift()?.drain()
        }
        expect(await asker.request(sums.double, { n }, { timeout: '20s' })).toEqual({ n: 2 * n })
      }
      for (const bus of [...answerers, asker]) await bus.drain()
    })
  })

  describe('in a share group', () => {
    const events = (what: string, shards = 1): Group => ({
      channel: { kind: 'events', name: unique(what), shards },
      name: 'shipping',
      ordered: false,
    })

    async function send(transport: Transport, group: Group, texts: readonly string[]): Promise<void> {
      const outgoing = texts.map((text) => ({
        message: message({ id: text, key: text, attempt: 1, expiresAt: undefined }),
        to: group.channel,
      }))
      for (const { outcome } of await transport.send(outgoing)) expect(outcome).toBe('accepted')
    }

    test('a message that nobody ever settles is counted on, beyond what the broker would give out', async () => {
      const transport = await connected()
      const group = events('poison')
      await transport.declare({ channels: [], groups: [group] })
      await send(transport, group, ['m1'])
      const counts: (number | undefined)[] = []
      for (let n = 1; n <= 13; n++) {
        const subscription = await transport.subscribe({ group, transient: false, prefetch: 1 }, (batch) =>
          counts.push(...batch.map(({ deliveryCount }) => deliveryCount)),
        )
        await until(() => counts.length === n)
        await subscription.close(0)
      }
      expect(counts).toEqual(Array.from({ length: 13 }, (_, n) => n + 1))
      await transport.close(0)
    })

    test('the members share all partitions of a channel with shards', async () => {
      const members = [await connected(), await connected()]
      const [first] = members
      const group = events('sharded', 3)
      const seen: string[] = []
      for (const member of members) {
        const subscription = await member.subscribe({ group, transient: false, prefetch: 5 }, (batch) => {
          seen.push(...batch.map((delivery) => delivery.message.id))
          runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' }))))
        })
      }
      const texts = Array.from({ length: 200 }, (_, n) => `m${n}`)
      await send(first as Transport, group, texts)
      await until(() => seen.length >= texts.length)
      expect(seen.toSorted()).toEqual(texts.toSorted())
      for (const member of members) await member.close(500)
    })

    test.each([300, 1_200])(
      'a long wait does not bring back %i that waited less, when another member takes over',
      async (count) => {
        const [one, two] = [await connected(), await connected()]
        const group = events('waits')
        const seen: string[] = []
        const subscribe = async (transport: Transport) => {
          const subscription = await transport.subscribe({ group, transient: false, prefetch: 2_000 }, (batch) => {
            for (const delivery of batch) {
              const { id, attempt } = delivery.message
              if (attempt > 1) seen.push(id)
              const failure = { at: runtime.now(), attempt, group: group.name, name: 'Error', message: 'not yet' }
              const afterMs = id === 'long' ? 600_000 : 50
              runtime.defer(() =>
                subscription.settle([
                  attempt > 1
                    ? { delivery, action: 'ack' }
                    : { delivery, action: 'retry', afterMs, attempt: 2, failure },
                ]),
              )
            }
          })
          return subscription
        }
        const before = await subscribe(one)
        const texts = Array.from({ length: count }, (_, n) => `m${n}`)
        await send(one, group, ['long'])
        await send(one, group, texts)
        await until(() => seen.length >= texts.length)
        await before.close(1_000)
        await subscribe(two)
        await send(two, group, ['last'])
        await until(() => seen.includes('last'))
        expect(seen.toSorted()).toEqual([...texts, 'last'].toSorted())
        const [{ depth } = { depth: -1 }] = (await two.inspect()).groups
        // The long one, and no more than had been put behind it.
        expect(depth).toBeGreaterThan(0)
        for (const transport of [one, two]) await transport.close(0)
      },
    )
  })

  describe('when retention has taken what a group has not handled', () => {
    test.each([true, false])('subscribe() rejects with WAYBILL_POSITION_GONE; ordered: %s', async (ordered) => {
      const channel = { kind: 'events', name: unique('orders'), shards: ordered ? 2 : 1 } as const
      const group: Group = { channel, name: 'shipping', ordered }
      const spec: SubscriptionSpec = { group, transient: false, prefetch: 10 }
      const transport = await connected()
      await transport.declare({ channels: [channel], groups: [group] })
      const sent = Array.from({ length: 20 }, (_, n) => ({
        message: message({ id: `m${n}`, key: `key${n}`, expiresAt: undefined }),
        to: channel,
      }))
      for (const { outcome } of await transport.send(sent)) expect(outcome).toBe('accepted')
      const client = await KafkaClient.open(
        { addresses: [{ host: '127.0.0.1', port: server.port }], options: {} },
        runtime,
      )
      await client.deleteBefore(channel.name, 0, 3n)
      client.close()
      await expect(transport.subscribe(spec, () => undefined)).rejects.toMatchObject({ code: 'WAYBILL_POSITION_GONE' })
      await transport.close(0)
    })
  })

  describe('when the link of a reader that began in the past is lost', () => {
    test('what it has in hand does not come again, and is tried again as it was told', async () => {
      const channel = { kind: 'events', name: unique('orders'), shards: 1 } as const
      const transport = await connected()
      const events: string[] = []
      transport.onEvent(({ type: what }) => void events.push(what))
      await transport.declare({ channels: [channel], groups: [] })
      const ids = ['m1', 'm2', 'm3']
      const sent = ids.map((id) => ({ message: message({ id, expiresAt: undefined }), to: channel }))
      for (const { outcome } of await transport.send(sent)) expect(outcome).toBe('accepted')
      const unsettled: Delivery[] = []
      const came: string[] = []
      const group: Group = { channel, name: 'reader', ordered: false }
      const spec: SubscriptionSpec = { group, transient: true, start: 'earliest', prefetch: 2 }
      const subscription = await transport.subscribe(spec, (batch) => {
        came.push(...batch.map((delivery) => delivery.message.id))
        unsettled.push(...batch)
      })
      await until(() => came.length === 2)
      await server.kill()
      await until(() => events.includes('subscription-lost'))
      await server.restart()
      await until(() => events.includes('subscription-restored'))
      const [first, second] = unsettled as [Delivery, Delivery] // two came
      subscription.settle([
        { delivery: first, action: 'retry', afterMs: 0, attempt: 2 },
        { delivery: second, action: 'ack' },
      ])
      await until(() => came.length === 4)
      expect(came.toSorted()).toEqual(['m1', 'm1', 'm2', 'm3'])
      expect(events).not.toContain('gap')
      await transport.close(0)
    })
  })
})
