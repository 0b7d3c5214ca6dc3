import type { NatsConnection } from '@nats-io/transport-node'
import type { Runtime } from '../../runtime/runtime.ts'
import { abortable } from '../../transport/abortable.ts'
import type { OpenConnection } from '../../transport/link.ts'
import type { Driver } from './driver.ts'
import type { NatsAddress } from './nats-address.ts'
import { connectError } from './nats-errors.ts'
import { connectionOptions, type Settings } from './settings.ts'
import { Wire } from './wire.ts'

/**
 * How a link to NATS opens its connections.
 *
 * @param fault the server says that something asynchronous went wrong, for instance a permission that is missing
 */
export function openConnection(
  driver: Driver,
  settings: Settings,
  runtime: Runtime,
  fault: (error: Error) => void,
): OpenConnection<NatsAddress, Wire> {
  return async (address, signal, lost) => {
    signal.throwIfAborted()
    const connecting = driver.nats.connect(connectionOptions(settings, driver, address))
    let connection: NatsConnection
    try {
      connection = await abortable(connecting, signal)
    } catch (error) {
      // It may still come up; nobody wants it then.
      connecting.then(
        (late) => void late.close(),
        () => undefined,
      )
      signal.throwIfAborted()
      throw connectError(address, error)
    }
    void connection.closed().then((error) => lost(error ?? new Error('the server closed the connection')))
    void listen(connection, fault)
    try {
      return await abortable(Wire.open(driver, connection, settings, runtime), signal)
    } catch (error) {
      void connection.close().catch(() => undefined)
      throw error
    }
  }
}

/** What the client tells of itself; only errors of the server are news here. */
async function listen(connection: NatsConnection, fault: (error: Error) => void): Promise<void> {
  for await (const status of connection.status()) if (status.type === 'error') fault(status.error)
}
