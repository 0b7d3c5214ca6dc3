import { beforeEach, describe, expect, test, vi } from 'vitest'
import { seededRandom } from '../../runtime/seeded-random.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, Subscriber, exchangeDefinition, queueDefinition } from '../broker.test-support.ts'
import { openBrokerOn } from '../open-broker.ts'
import type { QueueArguments } from '../queue/queue-definition.ts'
import type { Queue } from '../queue/queue.ts'
import { SimulatedDisk } from '../store/simulated-files.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { effectiveArguments } from './effective-arguments.ts'
import type { Policies, Policy } from './policies.ts'
import { readPolicySettings } from './policy-settings.ts'

let runtime: VirtualRuntime
let host: VirtualHost
let policies: Policies
let publisher: Publisher

beforeEach(async () => {
  runtime = virtualRuntime()
  host = (await Broker.open({ runtime })).root
  policies = host.policies
  publisher = new Publisher(host)
})

const policy = (name: string, definition: Policy['definition'], rest: Partial<Policy> = {}): Policy => ({
  name,
  pattern: '.*',
  applyTo: 'all',
  priority: 0,
  definition,
  ...rest,
})

const declared = (name: string, queueArguments: QueueArguments = {}): Queue =>
  host.declareQueue(queueDefinition(name, { arguments: queueArguments }), host.connect())

describe('a policy', () => {
  test('holds for queues that match, those of before and those of later, until it goes', () => {
    const [before, other] = [declared('orders.1'), declared('other')]
    policies.set(policy('short', { 'max-length': 1 }, { pattern: '^orders\\.' }))
    const later = declared('orders.2')
    expect([before, other, later].map((queue) => queue.arguments.maxLength)).toEqual([1, undefined, 1])
    expect([before, other, later].map((queue) => queue.policy?.name)).toEqual(['short', undefined, 'short'])
    expect(policies.delete('short')).toBe(true)
    expect([before.arguments, before.policy, policies.delete('short')]).toEqual([{}, undefined, false])
  })

  test('holds alone: the one of the highest priority', () => {
    const queue = declared('q')
    policies.set(policy('b', { 'max-length': 1 }))
    policies.set(policy('a', { expires: 5 }, { priority: 1 }))
    expect(queue.arguments).toEqual({ expiresMs: 5 })
    policies.set(policy('b', { 'max-length': 1 }, { priority: 2 }))
    expect(queue.arguments).toEqual({ maxLength: 1 })
  })

  test('is for what it applies to', () => {
    const [classic, quorum] = [declared('c'), declared('q', { queueType: 'quorum', deliveryLimit: 20 })]
    const holds = (applyTo: Policy['applyTo']): readonly boolean[] => {
      policies.set(policy('p', { 'max-length': 1 }, { applyTo }))
      return [classic, quorum, host.exchanges.get('amq.topic')].map((each) => each?.policy !== undefined)
    }
    expect(holds('all')).toEqual([true, true, true])
    expect(holds('queues')).toEqual([true, true, false])
    expect(holds('classic_queues')).toEqual([true, false, false])
    expect(holds('quorum_queues')).toEqual([false, true, false])
    expect(holds('exchanges')).toEqual([false, false, true])
    expect(holds('streams')).toEqual([false, false, false])
  })

  test('reaches very many queues in later turns, the newest version of it', async () => {
    const queues = Array.from({ length: 2_500 }, (_, n) => declared(`q${n}`))
    policies.set(policy('p', { 'max-length': 1 }))
    expect(queues.at(-1)?.policy).toBeUndefined()
    policies.set(policy('p', { 'max-length': 2 }))
    await runtime.settle()
    expect(new Set(queues.map((queue) => queue.arguments.maxLength))).toEqual(new Set([2]))
  })
})

describe('a queue heeds', () => {
  test('limits of its length at once', async () => {
    const queue = declared('q')
    for (const text of ['a', 'b', 'c']) await publisher.send('q', text)
    policies.set(policy('p', { 'max-length': 1 }))
    await runtime.settle()
    expect(queue.ready).toBe(1)
    policies.set(policy('p', { 'max-length': 1, overflow: 'reject-publish' }))
    await expect(publisher.send('q', 'd')).rejects.toMatchObject({ code: 'WAYBILL_REFUSED' })
    policies.set(policy('p', { 'max-length-bytes': 3 }))
    for (const text of ['xx', 'yy']) await publisher.send('q', text)
    await runtime.settle()
    const { texts } = new Subscriber(host, 'q')
    await runtime.settle()
    expect(texts).toEqual(['yy'])
  })

  test('a life for messages that come from then on, and a dead-letter exchange', async () => {
    const queue = declared('q')
    const dead = declared('dead')
    await publisher.send('q', 'before')
    policies.set(
      policy(
        'p',
        { 'message-ttl': 10, 'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead' },
        { pattern: '^q$' },
      ),
    )
    expect(queue.keepsDead).toBe(true)
    const first = new Subscriber(host, 'q', { prefetch: 1 })
    await runtime.settle()
    await publisher.send('q', 'after')
    await runtime.advance(20)
    expect([first.texts, queue.ready, dead.ready]).toEqual([['before'], 0, 1])
  })

  test('how long it may be unused', async () => {
    declared('q')
    policies.set(policy('p', { expires: 100 }))
    await runtime.advance(99)
    expect(host.findQueue('q')).toBeDefined()
    await runtime.advance(1)
    expect(host.findQueue('q')).toBeUndefined()
    declared('r')
    policies.delete('p')
    await runtime.advance(200)
    expect(host.findQueue('r')).toBeDefined()
  })
})

test('an exchange heeds its alternate', async () => {
  const connection = host.connect()
  declared('rest')
  host.declareExchange(exchangeDefinition('x'), connection)
  host.declareExchange(exchangeDefinition('own', { alternate: 'none' }), connection)
  host.declareExchange(exchangeDefinition('other', { type: 'fanout' }), connection)
  host.bind(connection, 'rest', 'other', '')
  expect(await new Publisher(host, 'x').send('k', 'm')).toBe('unroutable')
  policies.set(policy('p', { 'alternate-exchange': 'other' }))
  expect(await new Publisher(host, 'x').send('k', 'm')).toBe('accepted')
  expect(await new Publisher(host, 'own').send('k', 'm')).toBe('unroutable')
  policies.delete('p')
  expect(await new Publisher(host, 'x').send('k', 'm')).toBe('unroutable')
})

test('effectiveArguments() takes the lower limit, and else what was declared', () => {
  const declaredArguments = { maxLength: 5, messageTtlMs: 100, deadLetterExchange: 'own', maxPriority: 3 }
  const policyArguments = {
    maxLength: 7,
    messageTtlMs: 50,
    expiresMs: 9,
    deadLetterExchange: 'theirs',
    deadLetterRoutingKey: 'k',
    deliveryLimit: 3,
  }
  expect(effectiveArguments(declaredArguments, policyArguments)).toEqual({
    maxLength: 5,
    messageTtlMs: 50,
    expiresMs: 9,
    deadLetterExchange: 'own',
    deadLetterRoutingKey: 'k',
    maxPriority: 3,
  })
  const limit = (deliveryLimit: number): unknown =>
    effectiveArguments({ queueType: 'quorum', deliveryLimit }, policyArguments).deliveryLimit
  expect([limit(20), limit(2), limit(-1)]).toEqual([3, 2, 3])
})

test('what is no policy is refused in the words of RabbitMQ', () => {
  const refused = [
    [{}, 'no policy provided'],
    [{ foo: 1, 'max-length': 1 }, '["foo"] are not recognised policy settings'],
    [{ 'max-length': -1 }, '-1 is not a valid maximum length'],
    [{ 'message-ttl': 1.5 }, '1.5 is not a valid message TTL'],
    [{ expires: 0 }, '0 is not a valid queue expiry'],
    [{ overflow: 'x' }, '"x" is not a valid overflow value'],
    [{ 'alternate-exchange': 5 }, '5 is not a valid alternate exchange name'],
    [{ 'delivery-limit': -1 }, '-1 is not a valid delivery limit'],
  ] as const
  for (const [definition, text] of refused) {
    expect(() => policies.set(policy('p', definition))).toThrow(text)
    expect(() => readPolicySettings(definition)).toThrow(/WAYBILL_INVALID_DEFINITION/)
  }
  const good = { 'max-length': 1, 'ha-mode': 'all', 'queue-mode': 'lazy' }
  const bad = [{ pattern: '(' }, { name: '' }, { priority: 0.5 }, { applyTo: 'nothing' as 'all' }]
  for (const rest of bad) expect(() => policies.set(policy('p', good, rest))).toThrow(/WAYBILL_INVALID_DEFINITION/)
  expect(policies.all()).toEqual([])
  policies.set(policy('p', good))
  expect(policies.get('p')).toMatchObject({ name: 'p', definition: good })
})

test('policies are durable, and hold for what is recovered', async () => {
  const disk = new SimulatedDisk({ random: seededRandom(1) })
  const open = (): Promise<Broker> => openBrokerOn({ files: disk.files(), runtime: systemRuntime() })
  let broker = await open()
  const a = broker.virtualHosts.create('a')
  for (const each of [broker.root, a]) {
    each.policies.set(policy(`of ${each.name}`, { 'max-length-bytes': 2, 'alternate-exchange': 'amq.fanout' }))
    each.policies.set(policy('gone', { 'max-length': 1 }, { priority: 5 }))
    each.policies.delete('gone')
    each.declareQueue(queueDefinition('q'), each.connect())
    await new Publisher(each).send('q', 'xx')
  }
  await broker.close()
  broker = await open()
  for (const name of ['/', 'a']) {
    const again = broker.virtualHosts.get(name)
    expect(again?.policies.all().map((each) => each.name)).toEqual([`of ${name}`])
    expect(again?.findQueue('q')?.policy?.name).toBe(`of ${name}`)
    expect(again?.exchanges.get('amq.topic')?.alternate).toBe('amq.fanout')
    if (again !== undefined) await new Publisher(again).send('q', 'yy')
    // The bytes of what was there before count.
    await vi.waitFor(() => expect(again?.findQueue('q')?.ready).toBe(1))
  }
  broker.virtualHosts.delete('a')
  broker.virtualHosts.create('a')
  expect(broker.virtualHosts.get('a')?.policies.all()).toEqual([])
  await broker.close()
})
