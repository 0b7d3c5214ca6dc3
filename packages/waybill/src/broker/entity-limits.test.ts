import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { Broker } from './broker.ts'
import { exchangeDefinition, queueDefinition } from './broker.test-support.ts'
import type { Connection } from './connection.ts'

let broker: Broker
let connection: Connection

beforeEach(async () => {
  broker = await Broker.open({ runtime: virtualRuntime(), limits: { queues: 3, exchanges: 2, bindings: 2 } })
  connection = broker.root.connect()
})

function declareQueue(name: string, host = broker.root): void {
  host.declareQueue(queueDefinition(name), host === broker.root ? connection : host.connect())
}

function declareExchange(name: string): void {
  broker.root.declareExchange(exchangeDefinition(name), connection)
}

describe('limits of what may be declared', () => {
  test('queues: of all virtual hosts together, and the same one again is no other', () => {
    declareQueue('a')
    declareQueue('b', broker.virtualHosts.create('other'))
    declareQueue('c')
    declareQueue('a')
    expect(() => declareQueue('d')).toThrow(`cannot declare queue 'd' in vhost '/': the limit of 3 queues is reached`)
    broker.root.deleteQueue('a', connection)
    declareQueue('d')
  })

  test('exchanges, but for those that are always there', () => {
    declareExchange('a')
    declareExchange('b')
    declareExchange('a')
    declareExchange('amq.topic')
    expect(() => declareExchange('c')).toThrow(`cannot declare exchange 'c' in vhost '/': the limit of 2 exchanges`)
    broker.root.deleteExchange('a', connection, false)
    declareExchange('c')
  })

  test('bindings, which go with what they are of', () => {
    declareQueue('q')
    declareExchange('x')
    const bind = (key: string): void => broker.root.bind(connection, 'q', 'x', key)
    bind('a')
    broker.root.bindExchange(connection, 'x', 'amq.topic', 'a')
    bind('a')
    expect(() => bind('b')).toThrow(`cannot declare a binding of exchange 'x' in vhost '/': the limit of 2 bindings`)
    expect(broker.root.bindingCount).toBe(2)
    broker.root.deleteExchange('x', connection, false)
    expect(broker.root.bindingCount).toBe(0)
  })
})
