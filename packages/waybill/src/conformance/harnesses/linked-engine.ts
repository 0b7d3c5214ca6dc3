import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type {
  AmqpConsumer,
  AmqpEngine,
  ConsumerEvents,
  ConsumeSpec,
  ExchangeSpec,
  LinkEvent,
  Publication,
  PublishResult,
  QueueSpec,
} from '../../transports/amqp/engine.ts'
import { EmbeddedEngine, type BrokerSource } from '../../transports/embedded/engine.ts'
import { Pipe } from './pipe.ts'

/** After so long a silence the broker gives a link up. */
const GIVEN_UP_MS = 1_000

/**
 * The embedded broker behind a link that can fail. A bus in the broker's own process has no link to lose; this stands
 * for the socket that a bus of another process has, so that the transport's recovery is tried on our broker too.
 */
export class LinkedEngine implements AmqpEngine {
  readonly name = 'embedded'
  readonly losesConsumersSilently = true
  readonly requeuesBehind = false
  readonly #source: BrokerSource
  readonly #gone: () => void
  /** To the broker, and from it. */
  readonly #out: Pipe
  readonly #in: Pipe
  readonly #pending = new Set<(error: Error) => void>()
  readonly #consumers = new Set<{ readonly queue: string; readonly consumer: AmqpConsumer }>()
  readonly #runtime: Runtime
  #silence: Timer | undefined
  #isGivenUp = false
  #engine: EmbeddedEngine | undefined
  #listener: (event: LinkEvent) => void = () => {}
  #life = 0
  #state: 'new' | 'up' | 'down' | 'cut' | 'closed' = 'new'

  constructor(source: BrokerSource, runtime: Runtime, gone: () => void) {
    this.#source = source
    this.#gone = gone
    this.#runtime = runtime
    this.#out = new Pipe(runtime)
    this.#in = new Pipe(runtime)
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    let facts: EngineFacts | undefined
    const aborted = new Promise<never>((_, reject) => {
      const abort = (): void =>
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    })
    await Promise.race([aborted, this.#call(async () => (facts = await this.#dial()))])
    return facts as EngineFacts // the dial has resolved
  }

  onLink(listener: (event: LinkEvent) => void): void {
    this.#listener = listener
  }

  routeFacts(life: QueueSpec['life']): RouteFacts {
    const { durability, limits } = this.#up().routeFacts(life)
    return { durability, limits: { ...limits, redeliveredWithinMs: { value: GIVEN_UP_MS, source: 'told' } } }
  }

  declareExchange(exchange: ExchangeSpec): Promise<void> {
    return this.#call(() => this.#up().declareExchange(exchange))
  }

  declareQueue(queue: QueueSpec): Promise<void> {
    return this.#call(() => this.#up().declareQueue(queue))
  }

  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#call(() => this.#up().bindQueue(queue, exchange, routingKey))
  }

  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#call(() => this.#up().unbindQueue(queue, exchange, routingKey))
  }

  deleteQueue(queue: string): Promise<void> {
    return this.#call(() => this.#up().deleteQueue(queue))
  }

  checkQueue(queue: string): Promise<{ readonly messages: number; readonly consumers: number } | undefined> {
    return this.#call(() => this.#up().checkQueue(queue))
  }

  async publish(batch: readonly Publication[]): Promise<readonly PublishResult[]> {
    if (this.#engine === undefined) return batch.map(() => ({ outcome: 'refused', error: this.#notUp() }))
    try {
      return await this.#call(() => this.#up().publish(batch))
    } catch (error) {
      const unknown = new WaybillError('WAYBILL_OUTCOME_UNKNOWN', 'the link was lost', { cause: error })
      return batch.map(() => ({ outcome: 'unknown', error: unknown }))
    }
  }

  async consume(spec: ConsumeSpec, events: ConsumerEvents): Promise<AmqpConsumer> {
    const life = this.#life
    const arrives = (fn: () => void): void =>
      this.#in.pass(() => {
        if (life === this.#life) fn()
      })
    const leaves = (fn: () => void): void =>
      this.#out.pass(() => {
        if (life === this.#life) fn()
      })
    const consumer = await this.#call(() =>
      this.#up().consume(spec, {
        deliver: (batch) => arrives(() => events.deliver(batch)),
        cancelled: (error) => arrives(() => events.cancelled(error)),
      }),
    )
    const held = { queue: spec.queue, consumer }
    this.#consumers.add(held)
    return {
      ack: (tags) => leaves(() => consumer.ack(tags)),
      requeue: (tags) => leaves(() => consumer.requeue(tags)),
      prefetch: (count) => leaves(() => consumer.prefetch(count)),
      inspect: async () => {
        if (life === this.#life) return await this.#call(() => consumer.inspect())
        return { attached: false, ready: 0 }
      },
      close: async () => {
        this.#consumers.delete(held)
        if (life === this.#life) await this.#call(() => consumer.close())
      },
    }
  }

  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#gone()
    const engine = this.#engine
    this.#drop(new WaybillError('WAYBILL_CLOSED', 'the link is closed'))
    await engine?.close(deadlineMs)
  }

  /** Both sides notice; nothing connects until `heal`. */
  async cut(): Promise<void> {
    const engine = this.#engine
    this.lose(new Error('the link was cut'))
    if (this.#state === 'down') this.#state = 'cut'
    await engine?.close(0)
  }

  /** The broker loses the consumers of these queues, and does not tell. */
  async forget(queues: readonly string[]): Promise<void> {
    for (const { queue, consumer } of this.#consumers) if (queues.includes(queue)) await consumer.close()
  }

  stall(): void {
    this.#out.stall()
    this.#in.stall()
    this.#fallSilent()
  }

  halfOpen(): void {
    this.#in.stall()
    this.#fallSilent()
  }

  slow(delayMs: number): void {
    this.#out.slow(delayMs)
    this.#in.slow(delayMs)
  }

  async heal(): Promise<void> {
    this.#silence?.cancel()
    // The broker had given it up, and could not say so.
    if (this.#isGivenUp) this.lose(new Error('the broker has heard nothing for too long'))
    this.#out.open()
    this.#in.open()
    if (this.#state === 'cut') this.#state = 'down'
    await this.restore()
  }

  /** As by heartbeats: who says nothing is gone, and what it held is handed to others. */
  #fallSilent(): void {
    const engine = this.#engine
    this.#silence?.cancel()
    this.#silence = this.#runtime.setTimer(GIVEN_UP_MS, () => {
      if (engine === undefined || engine !== this.#engine) return
      this.#isGivenUp = true
      void engine.close(0)
    })
  }

  /** The other side has gone. */
  lose(error: Error): void {
    if (this.#state !== 'up') return
    this.#state = 'down'
    this.#drop(error)
    this.#listener({ type: 'down', error })
  }

  /** The other side may be there again. */
  async restore(): Promise<void> {
    if (this.#state !== 'down') return
    await this.#dial()
    this.#listener({ type: 'up' })
  }

  async #dial(): Promise<EngineFacts> {
    const engine = new EmbeddedEngine(this.#source)
    const life = this.#life
    engine.onLink((event) => {
      if (event.type !== 'down' && life === this.#life) this.#in.pass(() => this.#listener(event))
    })
    const facts = await engine.connect(new AbortController().signal)
    if (this.#state === 'closed') {
      await engine.close(0)
      throw this.#notUp()
    }
    this.#engine = engine
    this.#state = 'up'
    return facts
  }

  #drop(error: Error): void {
    this.#life++
    this.#engine = undefined
    this.#isGivenUp = false
    this.#silence?.cancel()
    this.#consumers.clear()
    this.#out.drop()
    this.#in.drop()
    for (const fail of this.#pending) fail(error)
    this.#pending.clear()
  }

  /** There and back over both pipes; fails when the link does. */
  #call<T>(operation: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (error: Error): void => reject(this.#state === 'closed' ? error : this.#notUp(error))
      this.#pending.add(fail)
      const back = (settle: () => void): void =>
        this.#in.pass(() => {
          this.#pending.delete(fail)
          settle()
        })
      this.#out.pass(() => {
        new Promise<T>((run) => run(operation())).then(
          (value) => back(() => resolve(value)),
          (error: unknown) => back(() => reject(error instanceof Error ? error : new Error(String(error)))),
        )
      })
    })
  }

  #up(): EmbeddedEngine {
    if (this.#engine === undefined) throw this.#notUp()
    return this.#engine
  }

  #notUp(cause?: Error): WaybillError {
    return this.#state === 'closed'
      ? new WaybillError('WAYBILL_CLOSED', 'the link is closed', { cause })
      : new WaybillError('WAYBILL_NOT_CONNECTED', 'the link is down', { cause })
  }
}
