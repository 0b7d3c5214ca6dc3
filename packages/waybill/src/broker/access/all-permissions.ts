import type { DefinitionLog } from '../definition-log.ts'
import { requirePattern } from '../pattern/name-pattern.ts'
import type { Durable } from '../store/message-log.ts'
import { DurableRecords } from './durable-records.ts'
import { GUEST } from './users.ts'

/** What a user may do in a virtual host: patterns of names of queues and exchanges. An empty one allows nothing. */
export interface Permissions {
  readonly virtualHost: string
  readonly user: string
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** What a user may do with a topic exchange: patterns of routing keys, with `{username}` and `{vhost}` in them. */
export interface TopicPermissions {
  readonly virtualHost: string
  readonly user: string
  readonly exchange: string
  readonly write: string
  readonly read: string
}

const MOST_RECORDS = 100_000
const EVERYTHING = { configure: '.*', write: '.*', read: '.*' }

/** The permissions of all users in all virtual hosts. */
export class AllPermissions {
  readonly #permissions: DurableRecords<Permissions>
  readonly #topics: DurableRecords<TopicPermissions>
  readonly #changed: () => void

  /** @param changed called after each change */
  constructor(log: DefinitionLog, changed: () => void) {
    const most = MOST_RECORDS
    const guest = { virtualHost: '/', user: GUEST, ...EVERYTHING }
    const defaults = new Map([[keyOf('/', GUEST), guest]])
    this.#permissions = new DurableRecords({ log, prefix: 'permissions ', what: 'permissions', most, defaults })
    this.#topics = new DurableRecords({ log, prefix: 'topic-permissions ', what: 'topic permissions', most })
    this.#changed = changed
  }

  /** `undefined`: the user has no access to the virtual host. */
  get(virtualHost: string, user: string): Permissions | undefined {
    return this.#permissions.get(keyOf(virtualHost, user))
  }

  /** `undefined`: every routing key. */
  topics(virtualHost: string, user: string, exchange: string): TopicPermissions | undefined {
    return this.#topics.get(keyOf(virtualHost, user, exchange))
  }

  all(): readonly Permissions[] {
    return Array.from(this.#permissions.entries(), ([, permissions]) => permissions)
  }

  allTopics(): readonly TopicPermissions[] {
    return Array.from(this.#topics.entries(), ([, permissions]) => permissions)
  }

  /** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` for what is no pattern, `WAYBILL_LIMIT` */
  set({ virtualHost, user, configure, write, read }: Permissions, done: Durable = ignore): void {
    for (const pattern of [configure, write, read]) requirePattern(pattern)
    this.#permissions.set(keyOf(virtualHost, user), { virtualHost, user, configure, write, read }, done)
    this.#changed()
  }

  /** `false` when there are none. */
  delete(virtualHost: string, user: string, done: Durable = ignore): boolean {
    const isDeleted = this.#permissions.delete(keyOf(virtualHost, user), done)
    this.#changed()
    return isDeleted
  }

  /** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` for what is no pattern, `WAYBILL_LIMIT` */
  setTopics({ virtualHost, user, exchange, write, read }: TopicPermissions, done: Durable = ignore): void {
    for (const pattern of [write, read]) requirePattern(pattern)
    this.#topics.set(keyOf(virtualHost, user, exchange), { virtualHost, user, exchange, write, read }, done)
    this.#changed()
  }

  /** @param exchange all exchanges, when absent */
  deleteTopics(virtualHost: string, user: string, exchange: string | undefined, done: Durable = ignore): boolean {
    const keys = this.#topicKeys(
      (topic) =>
        topic.virtualHost === virtualHost &&
        topic.user === user &&
        (exchange === undefined || topic.exchange === exchange),
    )
    const last = keys.pop()
    for (const key of keys) this.#topics.delete(key, ignore)
    const isDeleted = last !== undefined && this.#topics.delete(last, done)
    if (!isDeleted) done(undefined)
    this.#changed()
    return isDeleted
  }

  /** Takes away all that a user has been given, or all that has been given in a virtual host. */
  forget(whose: { readonly user: string } | { readonly virtualHost: string }): void {
    const isMeant = (one: { readonly user: string; readonly virtualHost: string }): boolean =>
      'user' in whose ? one.user === whose.user : one.virtualHost === whose.virtualHost
    for (const one of this.all()) if (isMeant(one)) this.#permissions.delete(keyOf(one.virtualHost, one.user), ignore)
    for (const key of this.#topicKeys(isMeant)) this.#topics.delete(key, ignore)
    this.#changed()
  }

  restore(definitions: ReadonlyMap<string, string>): void {
    this.#permissions.restore(definitions)
    this.#topics.restore(definitions)
  }

  #topicKeys(isMeant: (topic: TopicPermissions) => boolean): string[] {
    return Array.from(this.#topics.entries()).flatMap(([key, topic]) => (isMeant(topic) ? [key] : []))
  }
}

function keyOf(...names: readonly string[]): string {
  return JSON.stringify(names)
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}
