import type { Duration } from '../../runtime/duration.ts'

/** Of the connections of a bus, unless it is told otherwise. */
export const DEFAULT_HEARTBEAT_SECONDS = 10

export interface RabbitmqOptions extends LinkOptions {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. Without a user: guest/guest. Give this or `urls`. */
  readonly url?: string
  /** Several addresses of one cluster, tried in turn, at connect and whenever the link is lost. */
  readonly urls?: readonly string[]
  /**
   * The broker's `consumer_timeout`, where it is not RabbitMQ's default of 30 minutes: AMQP does not tell it. It changes
   * nothing but what the start-up checks. `'none'`: the broker has it switched off.
   */
  readonly consumerTimeout?: Duration | 'none'
}

/** How to speak to a broker, wherever it is. */
export interface LinkOptions {
  /** For `amqps:`. The server's certificate is always checked, unless `rejectUnauthorized` is false. */
  readonly tls?: RabbitmqTlsOptions
  /** What the management page shows for the connections, `(publishing)` or `(consuming)` behind it. Default: `waybill`. */
  readonly connectionName?: string
  /** Whole seconds between heartbeats; a peer silent for two of them is given up. 0 switches them off. Default: 10. */
  readonly heartbeatSeconds?: number
  /** How long one address may take to accept and to shake hands. Default: 10,000. */
  readonly connectTimeoutMs?: number
  /** What the names of the delay ladder's exchanges and queues begin with. Default: `waybill.`. */
  readonly prefix?: string
}

/** As in `node:tls`. */
export interface RabbitmqTlsOptions {
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  /** The name to expect in the certificate. Default: the host of the address. */
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}
