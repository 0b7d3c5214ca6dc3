import type { Receiver } from '../channel/receiver.ts'
import type { Message } from '../message.ts'
import { withLongHeader } from '../header-changes.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import { writeCancel } from '../wire/methods/basic-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import { shortStrings } from '../wire/short-strings.ts'
import type { SessionContext } from './session-context.ts'

/** The channel of a consumer. */
export interface WriterChannel {
  readonly number: number
  readonly frames: FrameWriter
  readonly session: SessionContext
  readonly isOpen: boolean
  /** Something was thrown that nobody expects: the connection ends. */
  failed(error: unknown): void
}

export interface WriterOptions {
  /** Consumer tag. */
  readonly tag: string
  /** Its queue says how often a message was handed out: a quorum queue. */
  readonly countsDeliveries: boolean
}

/** Writes basic.deliver for the messages of one consumer. */
export class DeliveryWriter implements Receiver {
  readonly #channel: WriterChannel
  readonly #number: number
  readonly #frames: FrameWriter
  readonly #session: SessionContext
  readonly #consumerTag: string
  readonly #encodedTag: Uint8Array
  readonly #countsDeliveries: boolean
  #exchange = ''
  #routingKey = ''
  #encodedAddress: Uint8Array = shortStrings('', '')

  constructor(channel: WriterChannel, { tag, countsDeliveries }: WriterOptions) {
    this.#channel = channel
    this.#number = channel.number
    this.#frames = channel.frames
    this.#session = channel.session
    this.#consumerTag = tag
    this.#encodedTag = shortStrings(tag)
    this.#countsDeliveries = countsDeliveries
  }

  receive(tag: number, message: Message, deliveryCount: number): void {
    let address: Uint8Array
    let properties: Uint8Array
    try {
      // What may fail comes first, so that no frame is begun that has no end.
      address = this.#addressOf(message)
      properties = countedProperties(message.properties, this.#countsDeliveries, deliveryCount)
    } catch (error) {
      // The queue is not to blame, and others are to get their messages.
      return this.#channel.failed(error)
    }
    const frames = this.#frames
    const out = frames.method(this.#number, METHOD.basicDeliver)
    out.raw(this.#encodedTag)
    out.safeLongLong(tag)
    out.octet(deliveryCount > 1 ? 1 : 0)
    out.raw(address)
    frames.end()
    frames.content(this.#number, properties, message.body, this.#session.frameMax)
    this.#session.wrote()
  }

  /** Nothing: what one turn writes goes out together, whichever consumers it is for. */
  flush(): void {}

  cancelled(): void {
    if (!this.#session.can('consumer_cancel_notify')) return
    // The client that deletes its own queue hears first that it is deleted, and may close the channel meanwhile.
    this.#session.afterAnswers(() => {
      if (this.#channel.isOpen) writeCancel(this.#frames, this.#number, this.#consumerTag)
    })
  }

  /** Exchange and routing key, encoded once for all messages in a row that share them. */
  #addressOf({ exchange, routingKey }: Message): Uint8Array {
    if (exchange !== this.#exchange || routingKey !== this.#routingKey) {
      this.#encodedAddress = shortStrings(exchange, routingKey)
      this.#exchange = exchange
      this.#routingKey = routingKey
    }
    return this.#encodedAddress
  }
}

/** The header `x-delivery-count` of quorum queues: how often the message was handed out before. Absent the first time. */
const DELIVERY_COUNT = 'x-delivery-count'

/** The properties of a message as they are handed out. */
export function countedProperties(properties: Uint8Array, counts: boolean, deliveryCount: number): Uint8Array {
  if (!counts || deliveryCount <= 1) return properties
  return withLongHeader(properties, DELIVERY_COUNT, deliveryCount - 1)
}
