import type { Duration } from '../../runtime/duration.ts'

export interface PostgresOptions {
  /**
   * `postgres://[user[:password]@]host[:port][,host2[:port]]/database`: several servers of one cluster are tried in turn, at
   * connect and whenever the link is lost; one that is read-only counts as away. `postgres:` or `postgresql:`.
   */
  readonly url: string
  /** Instead of a user and password in the address. */
  readonly user?: string
  readonly password?: string
  /** Encrypts the link. The server's certificate is always checked, unless `rejectUnauthorized` is false. Default: no TLS. */
  readonly tls?: PostgresTlsOptions | true
  /** The schema of Waybill's tables. Default: `waybill`. */
  readonly schema?: string
  /** Whether connecting makes the tables and brings them up to date. `false`: they must be there. Default: `true`. */
  readonly migrate?: boolean
  /** What the server's list of connections shows. Default: `waybill`. */
  readonly applicationName?: string
  /** How long one address may take to accept and to log in. Default: `10s`. */
  readonly connectTimeout?: Duration
  /** How long what a silent member holds stays its own: messages and shards. It is renewed at a quarter of it. Default: `10s`. */
  readonly lease?: Duration
  /** How often a member looks for messages that it has not been told of. Default: `2s`. */
  readonly pollInterval?: Duration
}

/** As in `node:tls`. */
export interface PostgresTlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized?: boolean
}
