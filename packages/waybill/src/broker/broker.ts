import { WaybillError } from '../message/errors.ts'
import { Access } from './access/access.ts'
import { DefinitionLog } from './definition-log.ts'
import type { Block, BlockReason } from './publisher-gate.ts'
import { recover } from './recovery.ts'
import { sharedParts, type BrokerOptions, type SharedParts } from './shared-parts.ts'
import type { MessageLog } from './store/message-log.ts'
import type { VirtualHost } from './virtual-host.ts'
import { VirtualHosts } from './virtual-hosts.ts'

export type BrokerEvent =
  | ({ readonly type: 'blocked' } & Block)
  | { readonly type: 'unblocked' }
  /** The store failed: nothing is confirmed any more. */
  | { readonly type: 'failed'; readonly error: Error }
  /** A virtual host is about to go: who is connected to it is to leave. */
  | { readonly type: 'virtual-host-deleted'; readonly virtualHost: VirtualHost }
  /** Who is connected as this user is to leave. */
  | { readonly type: 'user-deleted'; readonly user: string }
  /** Somebody does what newer RabbitMQ refuses; told once for each name. */
  | { readonly type: 'discouraged'; readonly text: string }

/**
 * A message broker in this process, with the semantics of AMQP 0-9-1 as it is practised: its life, and its virtual hosts,
 * which share one log. Who needs no other uses `root`.
 */
export class Broker {
  readonly virtualHosts: VirtualHosts
  /** Users and permissions. A bus in this process is not asked. */
  readonly access: Access
  readonly #log: MessageLog | undefined
  readonly #shared: SharedParts
  readonly #listeners = new Set<(event: BrokerEvent) => void>()
  #closed: Error | undefined

  /** Opens a broker; with a recovered log, as it was when that ended. */
  static async open(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    const { virtualHosts } = broker
    const target = {
      addHost: virtualHosts.restore.bind(virtualHosts),
      taken: (queue: number): void => broker.#shared.numbers.taken(queue),
      defined: () => {},
    }
    if (options.recovered !== undefined) {
      broker.access.restore(options.recovered.definitions)
      await recover(options.recovered, target)
    }
    return broker
  }

  private constructor(options: BrokerOptions) {
    this.#log = options.recovered?.log
    this.#shared = sharedParts(options, {
      gated: (block) => this.#emit(block === undefined ? { type: 'unblocked' } : { type: 'blocked', ...block }),
      failed: (error) => this.fail(error),
      discouraged: (text) => this.#emit({ type: 'discouraged', text }),
    })
    this.access = new Access(new DefinitionLog(this.#log), (user) => this.#emit({ type: 'user-deleted', user }))
    this.virtualHosts = new VirtualHosts(this.#shared, (virtualHost) => {
      this.#emit({ type: 'virtual-host-deleted', virtualHost })
      this.access.permissions.forget({ virtualHost: virtualHost.name })
    })
  }

  /** The virtual host '/'. */
  /** What is persistent is on a disk, not in memory alone. */
  get isStored(): boolean {
    return this.#log !== undefined
  }

  get root(): VirtualHost {
    return this.virtualHosts.root
  }

  /** Why publishers are held back now; `undefined` when they are not. */
  get blocked(): Block | undefined {
    return this.#shared.gate.block
  }

  /** Why publishers may be held back for long. */
  get alarms(): readonly BlockReason[] {
    return this.#shared.gate.alarms
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Ends the broker: queues stop, and the log is synced and closed. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed !== undefined) return
    this.#closed = new WaybillError('WAYBILL_CLOSED', 'the broker is closed')
    this.#shared.turns.stop()
    this.virtualHosts.close(this.#closed)
    await this.#log?.close()
  }

  /** The disk of the log is nearly full, or has room again. */
  diskIsFull(full: boolean): void {
    this.#shared.gate.set('disk', full)
  }

  /** Whoever manages the broker wants publishers held back, or to go on. */
  holdPublishers(held: boolean): void {
    this.#shared.gate.set('operator', held)
  }

  /** The store failed: pending confirms are refused by it, everything later here. */
  fail(error: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#shared.turns.stop()
    this.virtualHosts.stop(error)
    this.#emit({ type: 'failed', error })
  }

  #emit(event: BrokerEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
