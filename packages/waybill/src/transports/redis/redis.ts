import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { RedisOptions } from './redis-options.ts'
import { settingsOf } from './settings.ts'

/**
 * Redis 7 or later, or Valkey, through the official client (`npm i @redis/client`): streams with consumer groups.
 *
 * Connecting rejects with `WAYBILL_DRIVER_MISSING`, `WAYBILL_NOT_CONNECTED` when no server can be reached or trusted,
 * `WAYBILL_ACCESS_REFUSED` when the credentials are refused, `WAYBILL_UNSUPPORTED` for an older server. With several addresses
 * the error gives the reason of each. Once it is up, the link is kept up.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, at once, when an address cannot be read
 */
export function redis(options: RedisOptions): TransportFactory {
  const settings = settingsOf(options)
  return async (runtime) => {
    const { RedisTransport } = await import('./redis-transport.ts')
    return new RedisTransport(settings, runtime)
  }
}
