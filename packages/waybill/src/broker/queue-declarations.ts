import type { Connection } from './connection.ts'
import type { DiscouragedUses } from './discouraged-uses.ts'
import type { DurableDefinitions } from './durable-definitions.ts'
import type { EntityCount } from './entity-limits.ts'
import { entityName, requireOwnName } from './entity-name.ts'
import type { ExchangeDeclarations } from './exchange-declarations.ts'
import { requireEqualQueue, type QueueDefinition } from './queue/queue-definition.ts'
import type { QueueHost } from './queue/queue-host.ts'
import type { Policies } from './policy/policies.ts'
import type { QueueNumbers } from './queue-numbers.ts'
import { Queue } from './queue/queue.ts'
import { ReplyError } from './reply-error.ts'
import type { Durable } from './store/message-log.ts'
import type { Topology } from './topology.ts'

export interface DeleteQueueOptions {
  readonly ifUnused?: boolean
  readonly ifEmpty?: boolean
}

/** What a queue needs, but for its own removal. */
export type QueueServices = Omit<QueueHost, 'schedule' | 'deadLetter' | 'remove'> & {
  readonly numbers: QueueNumbers
  readonly policies: Policies
  readonly discouraged: DiscouragedUses
  readonly count: EntityCount
  schedule(queue: Queue): void
  deadLetter(queue: Queue, ...rest: Parameters<QueueHost['deadLetter']>): void
}

/** Declares and deletes queues: in the topology, and in the log where they are durable. */
export class QueueDeclarations {
  readonly #topology: Topology
  readonly #definitions: DurableDefinitions
  readonly #exchanges: ExchangeDeclarations
  readonly #services: QueueServices
  /** Exclusive queues. */
  readonly #owned = new Map<object, Set<Queue>>()

  constructor(
    topology: Topology,
    definitions: DurableDefinitions,
    exchanges: ExchangeDeclarations,
    services: QueueServices,
  ) {
    this.#topology = topology
    this.#definitions = definitions
    this.#exchanges = exchanges
    this.#services = services
  }

  declare(declared: QueueDefinition, connection: Connection, done: Durable): Queue {
    const name = declared.name === '' ? this.#freshName() : entityName(declared.name)
    const definition = { ...declared, name }
    connection.guard.require('configure', 'queue', name)
    const existing = this.#topology.queues.get(definition.name)
    if (existing !== undefined) {
      connection.requireAccess(existing)
      requireEqualQueue(existing.definition, definition, this.#services.vhost)
      existing.touch()
      this.#definitions.afterEarlier(done)
      return existing
    }
    if (declared.name !== '') requireOwnName('queue', name)
    const { deadLetterExchange } = definition.arguments
    if (deadLetterExchange !== undefined) {
      connection.guard.require('read', 'queue', name)
      connection.guard.require('write', 'exchange', deadLetterExchange)
    }
    if (!definition.durable && !definition.exclusive) {
      this.#services.discouraged.transientQueue(this.#services.vhost, name)
    }
    this.#services.count.requireRoom('queues', `queue '${name}' in vhost '${this.#services.vhost}'`)
    const queue = this.#add(this.#services.numbers.next(), definition, definition.exclusive ? connection : undefined)
    if (queue.isStored) this.#definitions.queue({ id: queue.id, definition }, done)
    else done(undefined)
    return queue
  }

  /** A queue from the log. */
  restore(id: number, definition: QueueDefinition): Queue {
    this.#services.numbers.taken(id)
    return this.#add(id, definition, undefined)
  }

  delete(given: string, connection: Connection, { ifUnused, ifEmpty }: DeleteQueueOptions, done: Durable): number {
    const name = entityName(given)
    connection.guard.require('configure', 'queue', name)
    const queue = this.#topology.queues.get(name)
    if (queue === undefined) {
      done(undefined)
      return 0
    }
    connection.requireAccess(queue)
    if (ifUnused === true && queue.consumers > 0)
      throw new ReplyError(406, `queue '${name}' in vhost '${this.#services.vhost}' in use`)
    if (ifEmpty === true && queue.ready > 0)
      throw new ReplyError(406, `queue '${name}' in vhost '${this.#services.vhost}' not empty`)
    const { ready } = queue
    this.#remove(queue, done)
    return ready
  }

  /** Exclusive queues go with their connection. */
  removeOwned(connection: Connection): void {
    for (const queue of this.#owned.get(connection) ?? []) this.#remove(queue, ignore)
  }

  /** All go, as their virtual host does. */
  removeAll(): void {
    for (const queue of this.#topology.queues.values()) this.#remove(queue, ignore)
  }

  /** A name for a queue that was declared without one, of 22 characters behind the prefix as RabbitMQ's. */
  #freshName(): string {
    return `amq.gen-${Buffer.from(this.#services.runtime.newId().replaceAll('-', ''), 'hex').toString('base64url')}`
  }

  #add(id: number, definition: QueueDefinition, owner: Connection | undefined): Queue {
    const queue: Queue = new Queue(definition, id, owner, {
      ...this.#services,
      schedule: () => this.#services.schedule(queue),
      deadLetter: (...letter) => this.#services.deadLetter(queue, ...letter),
      remove: () => this.#remove(queue, ignore),
    })
    queue.policy = this.#services.policies.forQueue(definition)
    this.#topology.queues.set(definition.name, queue)
    this.#own(queue)
    return queue
  }

  #own(queue: Queue): void {
    const { owner } = queue
    if (owner === undefined) return
    const owned = this.#owned.get(owner)
    if (owned === undefined) this.#owned.set(owner, new Set([queue]))
    else owned.add(queue)
  }

  #remove(queue: Queue, done: Durable): void {
    if (queue.deleted) return done(undefined)
    const bindings = this.#topology.removeQueue(queue)
    this.#disown(queue)
    queue.delete()
    this.#exchanges.unbound(bindings)
    if (queue.isStored) this.#definitions.removeQueue(queue.name, done)
    else done(undefined)
  }

  #disown(queue: Queue): void {
    const { owner } = queue
    if (owner === undefined) return
    const owned = this.#owned.get(owner)
    owned?.delete(queue)
    if (owned?.size === 0) this.#owned.delete(owner)
  }
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}
