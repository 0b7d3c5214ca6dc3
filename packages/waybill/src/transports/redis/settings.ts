import { durationMs } from '../../runtime/duration.ts'
import { parseRedisAddresses, type RedisAddress } from './redis-address.ts'
import type { RedisOptions } from './redis-options.ts'

/** The options with their defaults, in milliseconds. */
export interface Settings {
  readonly addresses: readonly RedisAddress[]
  readonly prefix: string
  readonly leaseMs: number
  readonly historyMs: number
  readonly maxLength: number
  readonly maxMessageBytes: number
  readonly pingIntervalMs: number
  readonly connectTimeoutMs: number
  readonly options: RedisOptions
}

/** @throws {WaybillError} `WAYBILL_BAD_URL` */
export function settingsOf(options: RedisOptions): Settings {
  return {
    addresses: parseRedisAddresses(options.url),
    prefix: prefixOf(options.prefix ?? 'waybill'),
    leaseMs: atLeast(500, 'lease', durationMs(options.lease ?? '8s')),
    historyMs: durationMs(options.history ?? '1m'),
    maxLength: atLeast(1, 'maxLength', options.maxLength ?? 1_000_000),
    maxMessageBytes: atLeast(1, 'maxMessageBytes', options.maxMessageBytes ?? 16 * 2 ** 20),
    pingIntervalMs: atLeast(50, 'pingInterval', durationMs(options.pingInterval ?? '5s')),
    connectTimeoutMs: durationMs(options.connectTimeout ?? '10s'),
    options,
  }
}

function atLeast(least: number, name: string, value: number): number {
  if (value >= least) return value
  throw new TypeError(`${name} is ${value}; it is at least ${least}`)
}

function prefixOf(prefix: string): string {
  if (/^[\w.-]{1,40}$/.test(prefix)) return prefix
  throw new TypeError(`prefix ${prefix} must be 1 to 40 letters, digits, _, . or -`)
}
