// What an operator has changed on a server of NATS is read at the start, and refused where it would lose messages.
import { jetstreamManager, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import { nats } from '../../transports/nats/nats.ts'
import type { NatsOptions } from '../../transports/nats/nats-options.ts'
import type { Bus } from '../bus.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const missing = NatsServer.findProgram() === undefined ? 'nats-server is not installed' : undefined

describeNeeding(missing)('createBus() on a nats-server of our own', () => {
  let server: NatsServer | undefined
  let connection: NatsConnection | undefined
  let manager: JetStreamManager
  const servers = (): string => `nats://127.0.0.1:${server?.port}`
  beforeAll(async () => {
    server = await NatsServer.start()
    connection = await connect({ servers: servers() })
    manager = await jetstreamManager(connection)
  }, 60_000)
  afterAll(async () => {
    await connection?.close()
    await server?.stop()
  }, 60_000)

  const start = (name: string, warnings: string[] = [], more: Partial<NatsOptions> = {}): Promise<Bus> => {
    const { happened } = contract(name, { happened: event(type<number>()) })
    return createBus({
      transport: nats({ servers: servers(), ...more }),
      services: [service('till').on(happened, () => {})],
      logger: { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) },
      drainOn: [],
    })
  }
  const stream = async (name: string, changes: Partial<StreamConfig>): Promise<void> => {
    await manager.streams.add({ name: `waybill-${name}`, subjects: [`waybill.${name}.*.>`], ...changes })
  }

  test('says what may be lost, by what the server tells and what it is told of it', async () => {
    await using first = await start('plain')
    expect((await first.explain()).routes).toMatchObject([
      {
        loss: { window: 'power-loss', upToMs: { value: 120_000, source: 'assumed' }, source: 'assumed' },
        problems: [],
      },
    ])
    await using second = await start('plain', [], { syncInterval: 'always' })
    expect((await second.explain()).routes).toMatchObject([{ loss: { window: 'none', source: 'told' } }])
  })

  test('refuses a stream that drops messages between two tries', async () => {
    await stream('short', { max_age: 10 * 1e9 })
    await expect(start('short')).rejects.toMatchObject({
      code: 'WAYBILL_LIMIT',
      message: expect.stringContaining('may try a message for 2.6 min; nats drops it after 10 s (read)') as string,
    })
  })

  test('warns of a stream in memory', async () => {
    await stream('fleeting', { storage: 'memory' })
    const warnings: string[] = []
    await using bus = await start('fleeting', warnings)
    expect(bus.subscriptions).toHaveLength(1)
    expect(warnings).toEqual(['nats keeps messages in memory alone; the death of the server loses them'])
  })
})
