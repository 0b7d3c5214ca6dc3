import { WaybillError } from '../../message/errors.ts'
import type { DefinitionLog } from '../definition-log.ts'
import type { ExchangeDefinition } from '../exchange/exchange.ts'
import { NamePattern } from '../pattern/name-pattern.ts'
import type { QueueDefinition } from '../queue/queue-definition.ts'
import type { Durable } from '../store/message-log.ts'
import type { JsonObject } from '../wire/json.ts'
import { readPolicySettings, type AppliedPolicy } from './policy-settings.ts'

const APPLY_TO = ['all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges'] as const

/** Arguments for the queues and exchanges whose names match (RabbitMQ, Policies). */
export interface Policy {
  readonly name: string
  /** A regular expression. */
  readonly pattern: string
  readonly applyTo: (typeof APPLY_TO)[number]
  /** The highest one that matches holds, alone. */
  readonly priority: number
  readonly definition: JsonObject
}

type ReadPolicy = Policy & AppliedPolicy

const KEY = 'policy '
const MOST_POLICIES = 1_000
const MOST_NAME_BYTES = 255

/** The policies of one virtual host. */
export class Policies {
  readonly #log: DefinitionLog
  readonly #changed: () => void
  readonly #patterns = new Map<string, NamePattern>()
  /** The first that matches holds. */
  #policies: readonly ReadPolicy[] = []

  /** @param changed called after each change */
  constructor(log: DefinitionLog, changed: () => void) {
    this.#log = log
    this.#changed = changed
  }

  all(): readonly Policy[] {
    return this.#policies
  }

  get(name: string): Policy | undefined {
    return this.#policies.find((policy) => policy.name === name)
  }

  /**
   * Adds a policy, or replaces the one of that name. Queues and exchanges heed it at once, where there are very many of
   * them some moments later.
   *
   * @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` for what is none, `WAYBILL_LIMIT` when there are too many
   */
  set({ name, pattern, applyTo, priority, definition }: Policy, done: Durable = ignore): void {
    const policy = { name, pattern, applyTo, priority, definition }
    this.#add(policy)
    this.#log.write(KEY + name, policy, done)
    this.#changed()
  }

  /** `false` when there is none. */
  delete(name: string, done: Durable = ignore): boolean {
    if (this.get(name) === undefined) {
      this.#log.afterEarlier(done)
      return false
    }
    this.#policies = this.#policies.filter((policy) => policy.name !== name)
    this.#patterns.delete(name)
    this.#log.write(KEY + name, undefined, done)
    this.#changed()
    return true
  }

  /** All go, as their virtual host does. */
  removeAll(): void {
    for (const { name } of this.#policies) this.#log.write(KEY + name, undefined, ignore)
    this.#policies = []
  }

  /** Those of a log. */
  restore(policies: readonly Policy[]): void {
    for (const policy of policies) this.#add(policy)
  }

  forQueue({ name, arguments: { queueType = 'classic' } }: QueueDefinition): AppliedPolicy | undefined {
    return this.#first(name, ['all', 'queues', `${queueType}_queues`])
  }

  forExchange({ name }: ExchangeDefinition): AppliedPolicy | undefined {
    return this.#first(name, ['all', 'exchanges'])
  }

  #first(name: string, kinds: readonly Policy['applyTo'][]): AppliedPolicy | undefined {
    return this.#policies.find(
      (policy) => kinds.includes(policy.applyTo) && this.#patterns.get(policy.name)?.matches(name) === true,
    )
  }

  #add(policy: Policy): void {
    const { name, pattern, applyTo, priority, definition } = policy
    const bytes = Buffer.byteLength(name)
    if (bytes === 0 || bytes > MOST_NAME_BYTES) throw invalid(`the name of a policy has 1 to ${MOST_NAME_BYTES} bytes`)
    if (!APPLY_TO.includes(applyTo)) throw invalid(`apply-to '${applyTo}' is none of ${APPLY_TO.join(', ')}`)
    if (!Number.isInteger(priority)) throw invalid(`${priority} is not a valid priority`)
    const read = { ...policy, settings: readPolicySettings(definition) }
    const compiled = new NamePattern(pattern)
    const others = this.#policies.filter((other) => other.name !== name)
    if (others.length >= MOST_POLICIES) throw new WaybillError('WAYBILL_LIMIT', `${MOST_POLICIES} policies exist`)
    this.#patterns.set(name, compiled)
    this.#policies = [...others, read].toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
  }
}

/** The policies among the definitions of a virtual host. */
export function readPolicies(definitions: ReadonlyMap<string, string>): readonly Policy[] {
  return [...definitions].flatMap(([key, text]) => (key.startsWith(KEY) ? [JSON.parse(text) as Policy] : [])) // written above
}

function invalid(what: string): WaybillError {
  return new WaybillError('WAYBILL_INVALID_DEFINITION', what)
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}
