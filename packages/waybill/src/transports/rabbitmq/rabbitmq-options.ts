export interface RabbitmqOptions extends LinkOptions {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. Without a user: guest/guest. Give this or `urls`. */
  readonly url?: string
  /** Several addresses of one cluster, tried in turn, at connect and whenever the link is lost. */
  readonly urls?: readonly string[]
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
