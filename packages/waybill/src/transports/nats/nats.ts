import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { NatsOptions } from './nats-options.ts'
import { settingsOf } from './settings.ts'

/**
 * NATS with JetStream, through the official client (`npm i @nats-io/transport-node @nats-io/jetstream @nats-io/kv`).
 *
 * Connecting rejects with `WAYBILL_DRIVER_MISSING`, `WAYBILL_NOT_CONNECTED` when no server can be reached or trusted,
 * `WAYBILL_ACCESS_REFUSED` when the credentials are refused. With several servers the error gives the reason of each. Once
 * it is up, the link is kept up.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, at once, when an address cannot be read
 */
export function nats(options: NatsOptions): TransportFactory {
  const settings = settingsOf(options)
  return async (runtime) => {
    const { NatsTransport } = await import('./nats-transport.ts')
    return new NatsTransport(settings, runtime)
  }
}
