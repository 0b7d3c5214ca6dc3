import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Runtime } from '../../runtime/runtime.ts'
import { Api } from './api.ts'
import type { LinkConnection } from '../../transport/link.ts'
import type { Driver } from './driver.ts'
import { isUnanswered, operationError } from './nats-errors.ts'
import { Publisher } from './publisher.ts'
import { Registry } from './registry.ts'
import type { Settings } from './settings.ts'

/** An operation of JetStream's API on a busy server, or over a slow link, may take a while. */
const API_TIMEOUT_MS = 10_000
/** A new bucket answers within milliseconds. */
const MOST_QUESTIONS = 50
const ASK_AGAIN_MS = 20

/** Everything that lives as long as one connection. */
export class Wire implements LinkConnection {
  readonly connection: NatsConnection
  readonly api: Api
  readonly publisher: Publisher
  readonly #driver: Driver
  readonly #settings: Settings
  readonly #runtime: Runtime
  #registry: Promise<Registry> | undefined
  #inboxes = 0
  readonly #inbox: string

  private constructor(driver: Driver, connection: NatsConnection, api: Api, settings: Settings, runtime: Runtime) {
    this.#driver = driver
    this.#settings = settings
    this.#runtime = runtime
    this.connection = connection
    this.api = api
    this.#inbox = `${settings.inboxPrefix}.${runtime.newId().replaceAll('-', '')}`
    this.publisher = new Publisher(connection, `${this.#inbox}.a`, runtime)
  }

  static async open(driver: Driver, connection: NatsConnection, settings: Settings, runtime: Runtime): Promise<Wire> {
    // The answer to the first thing that is asked tells whether JetStream is there.
    const manager = await driver.jetstream.jetstreamManager(connection, { checkAPI: false, timeout: API_TIMEOUT_MS })
    return new Wire(driver, connection, new Api(manager), settings, runtime)
  }

  async close(): Promise<void> {
    await this.connection.close()
  }

  destroy(): void {
    // The client has no other way; a connection that has ended says so, and that is all that is asked.
    this.connection.close().catch(() => undefined)
  }

  /** A subject of this connection, which nobody else has. */
  newInbox(): string {
    return `${this.#inbox}.${++this.#inboxes}`
  }

  /** The bucket is made when it is first needed: who only asks queries needs no JetStream. */
  registry(): Promise<Registry> {
    this.#registry ??= this.#openRegistry()
    this.#registry.catch(() => (this.#registry = undefined))
    return this.#registry
  }

  async #openRegistry(): Promise<Registry> {
    const { prefix, replicas } = this.#settings
    try {
      const manager = new this.#driver.kv.Kvm(this.connection)
      const bucket = await manager.create(prefix, { history: 1, replicas })
      await this.#answers(bucket)
      return new Registry(bucket)
    } catch (error) {
      throw operationError(`bucket ${prefix}`, error)
    }
  }

  /** Who finds a bucket that another has just made may find it before the server listens for what is asked of it. */
  async #answers(bucket: KV): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await bucket.get('answers')
        return
      } catch (error) {
        if (tries === MOST_QUESTIONS || !isUnanswered(error)) throw error
        await new Promise<void>((resolve) => void this.#runtime.setTimer(ASK_AGAIN_MS, resolve))
      }
    }
  }
}
