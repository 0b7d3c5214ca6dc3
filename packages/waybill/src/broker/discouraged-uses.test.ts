import { beforeEach, expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { Broker } from './broker.ts'
import { queueDefinition } from './broker.test-support.ts'
import { DiscouragedUses } from './discouraged-uses.ts'

let said: string[]

beforeEach(() => {
  said = []
})

test('a transient queue of nobody is told of when it is declared, once', async () => {
  const broker = await Broker.open({ runtime: virtualRuntime() })
  broker.onEvent((event) => {
    if (event.type === 'discouraged') said.push(event.text)
  })
  const connection = broker.root.connect()
  const declare = (name: string, durable: boolean, exclusive: boolean): void =>
    void broker.root.declareQueue(queueDefinition(name, { durable, exclusive }), connection)
  declare('kept', true, false)
  declare('own', false, true)
  for (let n = 0; n < 2; n++) {
    declare('q', false, false)
    declare('', false, false)
    broker.root.deleteQueue('q', connection)
  }
  expect(said).toEqual([
    "queue 'q' in vhost '/' is neither durable nor exclusive, which RabbitMQ 4.3 refuses",
    "queue 'amq.gen-*' in vhost '/' is neither durable nor exclusive, which RabbitMQ 4.3 refuses",
  ])
})

test('nothing is said of more names than can be remembered', () => {
  const uses = new DiscouragedUses((text) => said.push(text))
  for (let n = 0; n < 1_001; n++) uses.globalPrefetch('/', `u${n}`)
  uses.globalPrefetch('/', 'u0')
  expect(said).toHaveLength(1_000)
  expect(said[0]).toMatch(/^user 'u0' in vhost '\/' sets a global prefetch/)
})
