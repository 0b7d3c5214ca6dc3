import type { DelayedMessages } from './delay/delayed-messages.ts'
import { withoutDelay, xDelayOf } from './delay/x-delay.ts'
import { isReplyName, type DirectReplies } from './direct-reply-to.ts'
import type { Exchange } from './exchange/exchange.ts'
import type { ConfirmSink, Message, PublishOptions } from './message.ts'
import type { Publishing } from './publishing.ts'
import type { Queue } from './queue/queue.ts'
import { ReplyError } from './reply-error.ts'
import { senderSelection, type SenderSelection } from './sender-selection.ts'
import type { Topology } from './topology.ts'
import { headersOf } from './wire/properties.ts'

export interface IntakeServices {
  /** Name of the virtual host, for errors. */
  readonly vhost: string
  readonly topology: Topology
  readonly publishing: Publishing
  readonly delayed: DelayedMessages
  readonly replies: DirectReplies
}

/** Decides what becomes of a publish: which queues it is for, whether it waits first, or is a reply past all queues. */
export class Intake {
  readonly #services: IntakeServices

  constructor(services: IntakeServices) {
    this.#services = services
  }

  /** @throws {ReplyError} 404 when the exchange is missing, 403 when it is internal, 406 for bad headers CC or BCC */
  publish(message: Message, options: PublishOptions, sink: ConfirmSink, tag: number): void {
    const { topology, publishing, delayed } = this.#services
    const exchange = this.#exchangeFor(message)
    const selection = senderSelection(message)
    const queues = this.#route(exchange, message, selection)
    const counters = exchange?.counters ?? topology.defaultExchange
    counters.in++
    counters.out += queues.length
    const mayReply = exchange === undefined && (queues.length === 0 || selection !== undefined)
    const hasReplied = mayReply && this.#reply(message, selection)
    if (queues.length === 0) return sink.confirmed(tag, hasReplied ? 'accepted' : 'unroutable', undefined)
    const delayMs = exchange?.isDelaying === true ? xDelayOf(message) : (options.delayMs ?? 0)
    if (delayMs <= 0) return publishing.publish(queues, selection?.message ?? message, options, sink, tag)
    // BCC stays until the message is due, as it is routed by it then.
    const waiting = exchange?.isDelaying === true ? withoutDelay(message) : message
    delayed.add(waiting, options, delayMs, publishing.storedIn(queues).length > 0, sink, tag)
  }

  /** What `publish` would throw for this message, without publishing it. */
  requirePublishable(message: Message): void {
    this.#exchangeFor(message)
    senderSelection(message)
  }

  /** The queues of a message that was accepted earlier, and what is handed out; its exchange may have gone meanwhile. */
  routeLate(message: Message): { readonly queues: readonly Queue[]; readonly message: Message } {
    const exchange = this.#services.topology.exchanges.get(message.exchange)
    const selection = senderSelection(message)
    const isGone = exchange === undefined && message.exchange !== ''
    const queues = isGone ? [] : this.#route(exchange, message, selection)
    return { queues, message: selection?.message ?? message }
  }

  /** `undefined` for the default exchange. */
  #exchangeFor({ exchange: name }: Message): Exchange<Queue> | undefined {
    const { topology, vhost } = this.#services
    const exchange = name === '' ? undefined : topology.exchange(name)
    if (exchange?.definition.internal !== true) return exchange
    throw new ReplyError(403, `cannot publish to internal exchange '${name}' in vhost '${vhost}'`)
  }

  /** @param exchange `undefined` for the default exchange */
  #route(
    exchange: Exchange<Queue> | undefined,
    message: Message,
    selection: SenderSelection | undefined,
  ): readonly Queue[] {
    const { topology } = this.#services
    if (selection === undefined) {
      return exchange === undefined
        ? topology.routeByName(message.routingKey)
        : topology.router.route(exchange, message.routingKey, () => headersOf(message.properties))
    }
    return exchange === undefined
      ? selection.routingKeys.flatMap((key) => topology.routeByName(key))
      : topology.router.routeAny(exchange, selection.routingKeys, () => headersOf(message.properties))
  }

  #reply(message: Message, selection: SenderSelection | undefined): boolean {
    const { replies } = this.#services
    if (selection === undefined) {
      return isReplyName(message.routingKey) && replies.deliver(message.routingKey, message)
    }
    const names = selection.routingKeys.filter(isReplyName)
    return names.filter((name) => replies.deliver(name, selection.message)).length > 0
  }
}
