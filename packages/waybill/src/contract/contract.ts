import type { Channel } from '../message/channel.ts'
import { durationMs, type Duration } from '../runtime/duration.ts'
import { bodyTypeOf } from './body-type.ts'
import type { AnyContracted } from './contracted.ts'
import type { Definition } from './definition.ts'
import type { UpcastStep } from './upcast.ts'

export type * from './contracted.ts'
export { binary, type } from './body-type.ts'
export { command, document, event, query, survey } from './definition.ts'
export { upcast } from './upcast.ts'

export type Definitions = Readonly<Record<string, Definition<AnyContracted>>>

/** The messages of a contract, by name. */
export type Contract<D extends Definitions> = { readonly [Name in keyof D]: D[Name]['~message'] }

export interface ContractOptions {
  /**
   * Over how many shards the events, and the commands and documents that have a key, are spread, from 1 to
   * {@link MAX_SHARDS}. Needed for ordered subscriptions; fixed once the topology exists. Default 1: no order kept.
   */
  readonly shards?: number
  /**
   * How long stored events are kept to be read again, whether they were handled or not, for instance `'7d'`. Engines without
   * history (queues) refuse it when the bus starts. Default: as long as a group needs them.
   */
  readonly retention?: Duration
}

/** A shard is a queue of every ordered group on most engines. */
export const MAX_SHARDS = 256
/** The highest version of a schema: a version is a small number, not a date. */
export const MAX_VERSION = 1_000

// A name becomes part of queue names and routing keys; the dot separates contract and message.
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/

/**
 * Declares messages as plain values that both sides import.
 *
 * All stored events of a contract share one channel, so that the events of one key keep their order, and so do those that
 * are not stored; every other message has a channel of its own.
 *
 * @param name letters, digits, `_` and `-`, at most 63, beginning with a letter; so are the messages' names
 * @throws {TypeError} when a name, a version, the number of shards or a schema is not what it must be, an event that is
 *   not stored has a key, or a message with a sequence has none
 */
export function contract<D extends Definitions>(name: string, definitions: D): Contract<D>
export function contract<D extends Definitions>(name: string, options: ContractOptions, definitions: D): Contract<D>
export function contract(
  name: string,
  first: ContractOptions | Definitions,
  second?: Definitions,
): Contract<Definitions> {
  const definitions = second ?? (first as Definitions) // the overloads: two arguments, no options
  const { shards = 1, retention } = second === undefined ? {} : (first as ContractOptions)
  if (!NAME.test(name)) throw new TypeError(notAName(name, 'a contract'))
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw new TypeError(`contract ${name}: shards must be a whole number from 1 to ${MAX_SHARDS}, not ${shards}`)
  }
  const kept = retention === undefined ? {} : { retentionMs: durationMs(retention) }
  const events: Channel = Object.freeze({ kind: 'events', name, shards, ...kept })
  const signals: Channel = Object.freeze({ kind: 'signals', name, shards: 1 })
  const messages = Object.entries(definitions).map(([local, definition]) => [
    local,
    contracted(name, local, definition, definition.stored ? events : signals),
  ])
  return Object.freeze(Object.fromEntries(messages) as Contract<Definitions>) // one message per definition
}

function contracted(
  name: string,
  local: string,
  definition: Definition<AnyContracted>,
  events: Channel,
): AnyContracted {
  if (!NAME.test(local)) throw new TypeError(notAName(local, `a message of ${name}`))
  const type = `${name}.${local}`
  const { kind, key, version, stored, sequence } = definition
  if (sequence && key === undefined)
    throw new TypeError(`${type} has a sequence, so it needs a key: each has its numbers`)
  if (!stored && key !== undefined)
    throw new TypeError(`${type} is not stored, so it has no key: nothing keeps its order`)
  const body = bodyTypeOf(definition.body, `the body of ${type}`)
  return Object.freeze({
    kind,
    type,
    name: local,
    contract: name,
    channel:
      kind === 'event' ? events : Object.freeze({ kind, name: type, shards: key === undefined ? 1 : events.shards }),
    version,
    contentType: body.contentType,
    key,
    sequence,
    body,
    reply: definition.reply === undefined ? undefined : bodyTypeOf(definition.reply, `the reply of ${type}`),
    upcast: upcastSteps(type, version, definition.upcast),
    foreign: undefined,
    ...(kind === 'event' ? { stored } : {}),
  }) as AnyContracted // its other fields are for the compiler alone
}

function upcastSteps(
  type: string,
  version: number,
  steps: Readonly<Record<number, UpcastStep>>,
): ReadonlyMap<number, UpcastStep> {
  if (!Number.isInteger(version) || version < 1 || version > MAX_VERSION) {
    throw new TypeError(`${type}: version must be a whole number from 1 to ${MAX_VERSION}, not ${version}`)
  }
  const map = new Map(Object.entries(steps).map(([from, step]) => [Number(from), step]))
  for (const from of map.keys()) {
    if (!Number.isInteger(from) || from < 1 || from >= version) {
      throw new TypeError(`${type}: an upcast starts from a version below ${version}, not from ${from}`)
    }
    if (from + 1 < version && !map.has(from + 1)) {
      throw new TypeError(
        `${type}: the upcast from version ${from} leads to ${from + 1}, which has no step to ${version}`,
      )
    }
  }
  return map
}

function notAName(name: string, what: string): string {
  return `"${name}" cannot name ${what}: letters, digits, _ and -, at most 63, beginning with a letter`
}
