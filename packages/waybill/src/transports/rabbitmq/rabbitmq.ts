import type { TransportFactory } from '../../transport/transport-factory.ts'
import { WaybillError } from '../../message/errors.ts'
import { durationMs } from '../../runtime/duration.ts'
import { parseBrokerAddress } from './broker-address.ts'
import type { RabbitmqEngineSettings } from './engine.ts'
import type { RabbitmqOptions } from './rabbitmq-options.ts'

/**
 * RabbitMQ, through amqplib. Each bus has two connections of its own, one that publishes and one that
 * consumes: when the broker holds publishers back, who consumes goes on.
 *
 * Connecting rejects with `WAYBILL_DRIVER_MISSING`, `WAYBILL_NOT_CONNECTED` when no address can be reached or trusted,
 * `WAYBILL_ACCESS_REFUSED` when user, password, virtual host or client certificate is refused. With several addresses
 * the error gives the reason of each. Once it is up, the link is kept up.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, at once, when an address cannot be read
 * @throws {TypeError} when `consumerTimeout` is no duration
 */
export function rabbitmq(options: RabbitmqOptions): TransportFactory {
  const settings = settingsOf(options)
  return async (runtime) => {
    const { rabbitmqTransport } = await import('./rabbitmq-transport.ts')
    return rabbitmqTransport(settings, runtime)
  }
}

/** @throws {WaybillError} `WAYBILL_BAD_URL` */
export function settingsOf(options: RabbitmqOptions): RabbitmqEngineSettings {
  const urls = options.urls ?? (options.url === undefined ? [] : [options.url])
  if (urls.length === 0) throw new WaybillError('WAYBILL_BAD_URL', 'rabbitmq() needs url or urls')
  const addresses = urls.map(parseBrokerAddress)
  const { consumerTimeout } = options
  const told =
    consumerTimeout === undefined
      ? {}
      : { consumerTimeoutMs: consumerTimeout === 'none' ? Infinity : durationMs(consumerTimeout) }
  return { addresses: () => Promise.resolve(addresses), options, ...told }
}
