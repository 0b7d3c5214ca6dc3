import type { TransportFactory } from '../../transport/transport-factory.ts'
import { clusterSettings } from './broker-address.ts'
import type { KafkaOptions } from './kafka-options.ts'

/**
 * Apache Kafka 4.2 and later, through @platformatic/kafka.
 *
 * Connecting rejects with `WAYBILL_DRIVER_MISSING`, `WAYBILL_NOT_CONNECTED` when no broker can be reached or trusted,
 * `WAYBILL_ACCESS_REFUSED` when the login is refused, `WAYBILL_UNSUPPORTED` when the cluster is too old. Once it is up,
 * the link is kept up.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, at once, when an address cannot be read
 */
export function kafka(options: KafkaOptions): TransportFactory {
  const settings = clusterSettings(options)
  return async (runtime) => {
    const { KafkaTransport } = await import('./kafka-transport.ts')
    return new KafkaTransport(settings, runtime)
  }
}
