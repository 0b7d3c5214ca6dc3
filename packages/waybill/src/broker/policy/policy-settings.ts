// What a policy may say (RabbitMQ, Policies), by the names of its definition:
//
//   queues      message-ttl, expires, max-length, max-length-bytes, overflow, dead-letter-exchange,
//               dead-letter-routing-key, delivery-limit
//   exchanges   alternate-exchange
//
// and what says where RabbitMQ keeps things, which is accepted and means nothing here.
import { WaybillError } from '../../message/errors.ts'
import { MAX_LIFE_MS } from '../queue/lifetime.ts'
import { OVERFLOWS, type QueueArguments } from '../queue/queue-definition.ts'
import type { Json, JsonObject } from '../wire/json.ts'

/** The arguments of queues that a policy may give. */
export type PolicyArguments = Pick<
  QueueArguments,
  | 'messageTtlMs'
  | 'expiresMs'
  | 'maxLength'
  | 'maxLengthBytes'
  | 'overflow'
  | 'deadLetterExchange'
  | 'deadLetterRoutingKey'
  | 'deliveryLimit'
>

export interface PolicySettings {
  readonly queue: PolicyArguments
  /** `alternate-exchange`. */
  readonly alternate?: string
}

/** A policy, as the queues and exchanges see it for which it holds. */
export interface AppliedPolicy {
  readonly name: string
  readonly definition: JsonObject
  readonly settings: PolicySettings
}

const MEANINGLESS = [
  /^ha-/,
  /^queue-(mode|version|master-locator|leader-locator)$/,
  /^dead-letter-strategy$/,
  /^max-in-memory-(length|bytes)$/,
  /^(max-age|stream-max-segment-size-bytes|initial-cluster-size|target-group-size)$/,
]

/** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` in RabbitMQ's words */
export function readPolicySettings(definition: JsonObject): PolicySettings {
  const reader = new SettingReader(definition)
  const queue = {
    messageTtlMs: reader.whole('message-ttl', 'message TTL', 0, MAX_LIFE_MS),
    expiresMs: reader.whole('expires', 'queue expiry', 1, MAX_LIFE_MS),
    maxLength: reader.whole('max-length', 'maximum length', 0),
    maxLengthBytes: reader.whole('max-length-bytes', 'maximum length in bytes', 0),
    overflow: reader.choice('overflow', 'overflow value', OVERFLOWS),
    deadLetterExchange: reader.text('dead-letter-exchange', 'dead letter exchange name'),
    deadLetterRoutingKey: reader.text('dead-letter-routing-key', 'dead letter routing key'),
    deliveryLimit: reader.whole('delivery-limit', 'delivery limit', 0),
  }
  const alternate = reader.text('alternate-exchange', 'alternate exchange name')
  reader.end()
  return { queue: withoutAbsent(queue), ...(alternate === undefined ? {} : { alternate }) }
}

/** Reads one setting after the other, each `undefined` when it is absent. */
class SettingReader {
  readonly #definition: JsonObject
  readonly #known = new Set<string>()

  constructor(definition: JsonObject) {
    this.#definition = definition
  }

  whole(setting: string, what: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.#value(setting)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw notValid(value, what)
    }
    return value
  }

  text(setting: string, what: string): string | undefined {
    const value = this.#value(setting)
    if (value === undefined || typeof value === 'string') return value
    throw notValid(value, what)
  }

  choice<T extends string>(setting: string, what: string, choices: readonly T[]): T | undefined {
    const value = this.#value(setting)
    if (value === undefined) return undefined
    const chosen = choices.find((each) => each === value)
    if (chosen === undefined) throw notValid(value, what)
    return chosen
  }

  end(): void {
    const names = Object.keys(this.#definition)
    if (names.length === 0) throw invalid('no policy provided')
    const unknown = names.filter((name) => !this.#known.has(name) && !MEANINGLESS.some((known) => known.test(name)))
    if (unknown.length > 0) throw invalid(`${JSON.stringify(unknown)} are not recognised policy settings`)
  }

  #value(setting: string): Json | undefined {
    this.#known.add(setting)
    return this.#definition[setting]
  }
}

function notValid(value: Json, what: string): WaybillError {
  return invalid(`${JSON.stringify(value)} is not a valid ${what}`)
}

function invalid(what: string): WaybillError {
  return new WaybillError('WAYBILL_INVALID_DEFINITION', what)
}

type Given = { readonly [setting in keyof PolicyArguments]: PolicyArguments[setting] | undefined }

function withoutAbsent(given: Given): PolicyArguments {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
