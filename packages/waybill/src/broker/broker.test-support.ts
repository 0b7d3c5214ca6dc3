// What the broker's tests speak through: a publisher, a subscriber and definitions, over a virtual host's own calls.
import type { Channel } from './channel/channel.ts'
import type { ConsumeOptions } from './channel/consumer.ts'
import type { Receiver } from './channel/receiver.ts'
import type { Connection } from './connection.ts'
import type { ExchangeDefinition } from './exchange/exchange.ts'
import type { Message, PublishOptions } from './message.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { VirtualHost } from './virtual-host.ts'
import type { FieldTable } from './wire/field-table.ts'
import { decodeProperties, encodeProperties, type BasicProperties } from './wire/properties.ts'

export function queueDefinition(name: string, rest: Partial<QueueDefinition> = {}): QueueDefinition {
  return { name, durable: true, exclusive: false, autoDelete: false, arguments: {}, ...rest }
}

export function exchangeDefinition(name: string, rest: Partial<ExchangeDefinition> = {}): ExchangeDefinition {
  return { name, type: 'topic', durable: true, autoDelete: false, internal: false, ...rest }
}

export class Publisher {
  readonly #host: VirtualHost
  readonly #exchange: string

  constructor(host: VirtualHost, exchange = '') {
    this.#host = host
    this.#exchange = exchange
  }

  /** Resolves with the outcome; rejects with the error of a refusal. */
  send(
    routingKey: string,
    text: string,
    options: Partial<PublishOptions> & { readonly headers?: FieldTable; readonly priority?: number } = {},
  ): Promise<string> {
    const { headers, priority, ...publish } = { persistent: true, ...options }
    const properties: BasicProperties = {
      deliveryMode: publish.persistent ? 2 : 1,
      ...(headers === undefined ? {} : { headers }),
      ...(priority === undefined ? {} : { priority }),
      ...(publish.ttlMs === undefined ? {} : { expiration: String(publish.ttlMs) }),
    }
    const message: Message = {
      exchange: this.#exchange,
      routingKey,
      properties: encodeProperties(properties),
      body: new TextEncoder().encode(text),
      origin: undefined,
    }
    return new Promise((resolve, reject) => {
      const confirmed = (_tag: number, outcome: string, error: Error | undefined): void =>
        error === undefined ? resolve(outcome) : reject(error)
      this.#host.publish(message, publish, { confirmed }, 0)
    })
  }
}

export interface SubscriberOptions extends Partial<ConsumeOptions> {
  /** Acknowledges all at the end of each burst. */
  readonly ackAll?: boolean
  readonly connection?: Connection
}

export class Subscriber implements Receiver {
  readonly texts: string[] = []
  readonly deliveryCounts: number[] = []
  readonly messages: Message[] = []
  readonly cancellations: Error[] = []
  readonly channel: Channel
  readonly #tags: number[] = []
  readonly #ackAll: boolean
  #acked = 0

  constructor(host: VirtualHost, queue: string, options: SubscriberOptions = {}) {
    const { ackAll = false, connection = host.connect(), ...consume } = options
    this.#ackAll = ackAll
    this.channel = connection.openChannel()
    this.channel.consume(queue, { tag: 'c', ...consume }, this)
  }

  receive(tag: number, message: Message, deliveryCount: number): void {
    this.texts.push(new TextDecoder().decode(message.body))
    this.deliveryCounts.push(deliveryCount)
    this.messages.push(message)
    this.#tags.push(tag)
  }

  flush(): void {
    if (!this.#ackAll) return
    for (; this.#acked < this.#tags.length; this.#acked++) this.channel.ack(this.#tags[this.#acked] ?? 0)
  }

  cancelled(error: Error): void {
    this.cancellations.push(error)
  }

  /** The last delivery of `text`. */
  ack(text: string): boolean {
    return this.channel.ack(this.#tagOf(text))
  }

  requeue(text: string): boolean {
    return this.channel.requeue(this.#tagOf(text))
  }

  reject(text: string): boolean {
    return this.channel.reject(this.#tagOf(text))
  }

  headers(text: string): FieldTable {
    const message = this.messages[this.texts.lastIndexOf(text)]
    return (message === undefined ? undefined : decodeProperties(message.properties).headers) ?? {}
  }

  #tagOf(text: string): number {
    return this.#tags[this.texts.lastIndexOf(text)] ?? 0
  }
}
