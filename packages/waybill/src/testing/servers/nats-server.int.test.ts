import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { describeOwnNats } from './describe-own-nats.test-support.ts'
import { NatsServer } from './nats-server.ts'

describeOwnNats('NatsServer', () => {
  test('keeps what a stream has confirmed through kill() and restart()', async () => {
    await using server = await NatsServer.start()
    const before = await connect({ servers: server.url, reconnect: false })
    const manager = await jetstreamManager(before)
    await manager.streams.add({ name: 'kept', subjects: ['kept'] })
    await jetstream(before).publish('kept', 'still here')
    await server.kill()
    await before.closed()
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/refused/)
    await server.restart()
    const after = await connect({ servers: server.url, reconnect: false })
    const message = await (await jetstreamManager(after)).streams.getMessage('kept', { seq: 1 })
    expect(message?.string()).toBe('still here')
    await after.close()
  })
})
