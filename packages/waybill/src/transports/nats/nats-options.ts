import type { Duration } from '../../runtime/duration.ts'

export interface NatsOptions {
  /**
   * `nats://[user:password@]host[:port]`, or `tls://…`; several servers of one cluster, in a list or separated by commas,
   * are tried in turn, at connect and whenever the link is lost.
   */
  readonly servers: string | readonly string[]
  /** Instead of a user and password in the address. */
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** An nkey seed (`SU…`): text or bytes. */
  readonly nkeySeed?: string | Uint8Array
  /** The content of a credentials file (JWT and seed). */
  readonly credentials?: string | Uint8Array
  /** For `tls:`, or a server that asks for it. The server's certificate is always checked, unless `rejectUnauthorized` is false. */
  readonly tls?: NatsTlsOptions
  /** What the server's connection list shows. Default: `waybill`. */
  readonly connectionName?: string
  /** How often the server is asked for a sign of life; one that owes two is given up. Default: `10s`. */
  readonly pingInterval?: Duration
  /** How long one address may take to accept and to shake hands. Default: `10s`. */
  readonly connectTimeout?: Duration
  /** What names and subjects begin with. Default: `waybill`. */
  readonly prefix?: string
  /** What return addresses and answers of the server are addressed to. Default: `_INBOX`. */
  readonly inboxPrefix?: string
  /** Copies of each stream, in a cluster. Default: 1. */
  readonly replicas?: number
  /**
   * After this long without a sign of life from who has it, the server hands a message out again. It is extended while a
   * handler runs. Default: `15s`.
   */
  readonly ackWait?: Duration
  /** How long the shards of a member that is silent stay its own; the same in all members of a group. Default: `8s`. */
  readonly lease?: Duration
  /** How long events that every group has settled are kept, for who starts in the past. Default: `1d`. */
  readonly history?: Duration
  /** Beyond so many bytes in a stream the server refuses new messages. Default: no bound but the server's. */
  readonly maxStreamBytes?: number
  /** Where the server's `sync_interval` is known: how long, or `always`. The server does not tell. Default: assumed to be its own, 2 minutes. */
  readonly syncInterval?: Duration | 'always'
}

/** As in `node:tls`. */
export interface NatsTlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized?: boolean
}
