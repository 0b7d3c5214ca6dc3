import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { durationMs } from '../../runtime/duration.ts'
import type { Driver } from './driver.ts'
import { parseNatsAddresses, type NatsAddress } from './nats-address.ts'
import type { NatsOptions } from './nats-options.ts'

/** Missed pings after which the server is given up. */
const PINGS_OWED = 2

/** The options with their defaults, in milliseconds. */
export interface Settings {
  readonly addresses: readonly NatsAddress[]
  readonly prefix: string
  readonly inboxPrefix: string
  readonly replicas: number
  readonly ackWaitMs: number
  readonly leaseMs: number
  readonly historyMs: number
  readonly maxStreamBytes: number | undefined
  /** `undefined`: not told. */
  readonly syncIntervalMs: number | undefined
  readonly connectTimeoutMs: number
  readonly options: NatsOptions
}

/** @throws {WaybillError} `WAYBILL_BAD_URL` */
export function settingsOf(options: NatsOptions): Settings {
  const { syncInterval } = options
  return {
    addresses: parseNatsAddresses(options.servers),
    prefix: prefixOf(options.prefix ?? 'waybill'),
    inboxPrefix: options.inboxPrefix ?? '_INBOX',
    replicas: options.replicas ?? 1,
    ackWaitMs: atLeast(500, 'ackWait', durationMs(options.ackWait ?? '15s')),
    leaseMs: atLeast(500, 'lease', durationMs(options.lease ?? '8s')),
    historyMs: durationMs(options.history ?? '1d'),
    maxStreamBytes: options.maxStreamBytes,
    syncIntervalMs: syncInterval === undefined ? undefined : syncInterval === 'always' ? 0 : durationMs(syncInterval),
    connectTimeoutMs: durationMs(options.connectTimeout ?? '10s'),
    options,
  }
}

export function connectionOptions(
  { options, connectTimeoutMs }: Settings,
  { nats }: Driver,
  address: NatsAddress,
): NodeConnectionOptions {
  const { nkeySeed, credentials } = options
  const user = options.user ?? address.user
  const password = options.password ?? address.password
  const tls = address.tls || options.tls !== undefined ? { ...options.tls } : undefined
  return {
    servers: [`${address.hostname}:${address.port}`],
    name: options.connectionName ?? 'waybill',
    timeout: connectTimeoutMs,
    pingInterval: durationMs(options.pingInterval ?? '10s'),
    maxPingOut: PINGS_OWED,
    // The link is taken up again by us (transport/link.ts).
    reconnect: false,
    ignoreClusterUpdates: true,
    // The address is the user's: a host with several IP addresses is the system's business.
    resolve: false,
    noAsyncTraces: true,
    ...(tls === undefined ? {} : { tls }),
    ...(options.token !== undefined ? { token: options.token } : {}),
    ...(user !== undefined && password !== undefined ? { user, pass: password } : {}),
    ...(user !== undefined && password === undefined ? { token: user } : {}),
    ...(nkeySeed === undefined
      ? {}
      : { authenticator: nats.nkeyAuthenticator(bytesOf(typeof nkeySeed === 'string' ? nkeySeed.trim() : nkeySeed)) }),
    ...(credentials === undefined ? {} : { authenticator: nats.credsAuthenticator(bytesOf(credentials)) }),
  }
}

function bytesOf(secret: string | Uint8Array): Uint8Array {
  return typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
}

function atLeast(least: number, name: string, ms: number): number {
  if (ms >= least) return ms
  throw new TypeError(`${name} is ${ms} ms; it is at least ${least} ms: what is extended must have time to be`)
}

function prefixOf(prefix: string): string {
  if (/^[\w-]{1,40}$/.test(prefix)) return prefix
  throw new TypeError(`prefix ${prefix} must be 1 to 40 letters, digits, _ or -`)
}
