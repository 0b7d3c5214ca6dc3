import type { Duration } from '../../runtime/duration.ts'

export interface RedisOptions {
  /**
   * `redis://[user:password@]host[:port][/database]`, or `rediss://…` for TLS; several addresses of one server and its
   * replicas, in a list or separated by commas, are tried in turn, at connect and whenever the link is lost: the one that is
   * the master is used.
   */
  readonly url: string | readonly string[]
  /** Instead of a user and password in the address. */
  readonly user?: string
  readonly password?: string
  /** For `rediss:`. The server's certificate is always checked, unless `rejectUnauthorized` is false. */
  readonly tls?: RedisTlsOptions
  /** What `CLIENT LIST` shows. Default: `waybill`. */
  readonly connectionName?: string
  /** How often the server is asked for a sign of life; one that owes two is given up. Default: `5s`. */
  readonly pingInterval?: Duration
  /** How long one address may take to accept and to shake hands. Default: `10s`. */
  readonly connectTimeout?: Duration
  /** What keys begin with. Default: `waybill`. */
  readonly prefix?: string
  /** How long what a member holds stays its own after its last sign of life; so do its shards. Default: `8s`. */
  readonly lease?: Duration
  /** How long events that every group has settled are kept, for who starts in the past. Memory is its price. Default: `1m`. */
  readonly history?: Duration
  /**
   * Entries of a shard beyond which new messages are refused. What every group has settled makes room first, unless the channel
   * asks for its history. Default: 1,000,000.
   */
  readonly maxLength?: number
  /** Largest body, in bytes. Default: 16 MiB. */
  readonly maxMessageBytes?: number
}

/** As in `node:tls`. */
export interface RedisTlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}
