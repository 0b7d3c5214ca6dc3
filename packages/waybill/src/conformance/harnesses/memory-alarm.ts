import type { Runtime } from '../../runtime/runtime.ts'
import type { AmqpEngine } from '../../transports/amqp/engine.ts'
import { messageFor } from '../message-of.ts'

/** More than a broker keeps in memory before it holds publishers back: 256 MiB. */
const MESSAGES = 288
const BODY_BYTES = 1024 * 1024

/** Makes a broker hold publishers back for want of memory, as any client may: by messages that it keeps there and nobody takes. */
export class MemoryAlarm {
  readonly #connect: () => Promise<AmqpEngine>
  readonly #runtime: Runtime
  #raised: { readonly engine: AmqpEngine; readonly queue: string; readonly published: Promise<unknown> } | undefined

  /** @param connect opens an engine that publishes and consumes on connections of their own */
  constructor(connect: () => Promise<AmqpEngine>, runtime: Runtime) {
    this.#connect = connect
    this.#runtime = runtime
  }

  /** Resolves once the broker has said that publishers are held back, or that they may go on. */
  set(blocked: boolean): Promise<void> {
    return blocked ? this.#raise() : this.#end()
  }

  async #raise(): Promise<void> {
    const engine = await this.#connect()
    const queue = `alarm-${this.#runtime.newId()}`
    await engine.declareQueue({ name: queue, life: 'exclusive' })
    const blocked = new Promise<void>((resolve) => {
      engine.onLink((event) => {
        if (event.type === 'blocked') resolve()
      })
    })
    const message = messageFor({ kind: 'document', name: queue, shards: 1 }, this.#runtime, 'x'.repeat(BODY_BYTES))
    const publication = { exchange: '', routingKey: queue, message, mandatory: false, persistent: false }
    const published = engine.publish(Array.from({ length: MESSAGES }, () => publication))
    this.#raised = { engine, queue, published }
    await blocked
  }

  async #end(): Promise<void> {
    const raised = this.#raised
    this.#raised = undefined
    if (raised === undefined) return
    const { engine, queue, published } = raised
    await engine.deleteQueue(queue)
    await published
    await engine.close(1_000)
  }
}
