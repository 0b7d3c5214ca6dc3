import type { ConnectionOptions } from 'node:tls'
import type { ClientConfig } from 'pg'
import { durationMs } from '../../runtime/duration.ts'
import { parsePostgresUrl, type PostgresAddress } from './postgres-address.ts'
import type { PostgresOptions, PostgresTlsOptions } from './postgres-options.ts'

/** The options with their defaults, in milliseconds. */
export interface Settings {
  readonly addresses: readonly PostgresAddress[]
  readonly schema: string
  readonly migrate: boolean
  readonly leaseMs: number
  readonly pollMs: number
  readonly connectTimeoutMs: number
  readonly options: PostgresOptions
}

/** @throws {WaybillError} `WAYBILL_BAD_URL` */
export function settingsOf(options: PostgresOptions): Settings {
  return {
    addresses: parsePostgresUrl(options.url),
    schema: schemaOf(options.schema ?? 'waybill'),
    migrate: options.migrate ?? true,
    leaseMs: atLeast(500, 'lease', durationMs(options.lease ?? '10s')),
    pollMs: atLeast(10, 'pollInterval', durationMs(options.pollInterval ?? '2s')),
    connectTimeoutMs: durationMs(options.connectTimeout ?? '10s'),
    options,
  }
}

export function clientConfig({ options, connectTimeoutMs }: Settings, address: PostgresAddress): ClientConfig {
  const user = options.user ?? address.user
  const password = options.password ?? address.password
  return {
    host: address.hostname,
    port: address.port,
    database: address.database,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ssl: options.tls === undefined ? false : tlsOptions(options.tls, address),
    application_name: options.applicationName ?? 'waybill',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  }
}

/** The driver names the host to Node by its name alone; of an IP address, the certificate would be checked as localhost's. */
function tlsOptions(tls: PostgresTlsOptions | true, { hostname }: PostgresAddress): ConnectionOptions {
  return { host: hostname, ...(tls === true ? {} : tls) }
}

function atLeast(least: number, name: string, ms: number): number {
  if (ms >= least) return ms
  throw new TypeError(`${name} is ${ms} ms; it is at least ${least} ms`)
}

/** It stands in statements and, with a suffix, in names of at most 63 bytes. */
function schemaOf(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,39}$/.test(schema)) return schema
  throw new TypeError(`schema ${schema} must be 1 to 40 lower-case letters, digits or _, and begin with no digit`)
}
