import { systemRuntime } from '../../runtime/system-runtime.ts'
import { Broker } from '../broker.ts'
import { serveBroker } from '../server/serve-broker.ts'
import { ApiClient } from './api-client.test-support.ts'
import { ManagementUser } from './management-user.ts'
import { Management } from './management.ts'

export interface Managed {
  readonly broker: Broker
  readonly api: ApiClient
  readonly url: string
  readonly amqpPort: number
  readonly close: () => Promise<void>
}

/** A broker in memory, with both of its doors open. */
export async function startManaged(): Promise<Managed> {
  const runtime = systemRuntime()
  const host = '127.0.0.1'
  const broker = await Broker.open({ runtime })
  const authenticate = broker.access.authenticate.bind(broker.access)
  const server = await serveBroker({ broker, runtime, host, port: 0, authenticate, version: '0.0.0' })
  const management = new Management({
    app: { isRunning: true, broker, servers: [server], start: async () => {}, stop: async () => {} },
    runtime,
    version: '0.0.0',
    failed: (error) => {
      throw error
    },
  })
  const { port } = await management.serve({
    host,
    port: 0,
    login: async (user, password, remoteAddress) => {
      const identity = await broker.access.authenticate({ user, by: { password }, remoteAddress })
      return identity && new ManagementUser(identity)
    },
  })
  const url = `http://${host}:${port}`
  return {
    broker,
    api: new ApiClient(url),
    url,
    amqpPort: server.port,
    close: async () => {
      await management.close(0)
      await server.close(0, 'the test is over')
      await broker.close()
    },
  }
}
