import type { Channel } from '../channel/channel.ts'
import type { ReplyReceiver } from '../direct-reply-to.ts'
import type { Message } from '../message.ts'
import { ReplyError } from '../reply-error.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { DeliveryWriter, type WriterChannel } from './delivery-writer.ts'
import { MOST_UNREAD_BYTES } from './most-unread.ts'

/** The channel that the replies are for. */
export interface ReplyChannel extends WriterChannel {
  readonly virtualHost: VirtualHost
  readonly channel: Channel
}

/** A channel's consumer of the pseudo-queue for direct replies, of which it has one at most. */
export class DirectReplyConsumer implements ReplyReceiver {
  readonly #channel: ReplyChannel
  #consumer: { readonly token: string; readonly tag: string; readonly writer: DeliveryWriter } | undefined

  constructor(channel: ReplyChannel) {
    this.#channel = channel
  }

  /** What stands for this channel in reply-to; `undefined` when nobody consumes here. */
  get token(): string | undefined {
    return this.#consumer?.token
  }

  /** @throws {ReplyError} 406 with acknowledgements, which replies do not have, or a second time */
  consume(tag: string, noAck: boolean): void {
    if (!noAck) throw new ReplyError(406, 'reply consumer cannot acknowledge')
    if (this.#consumer !== undefined) throw new ReplyError(406, 'reply consumer already set')
    const writer = new DeliveryWriter(this.#channel, { tag, countsDeliveries: false })
    this.#consumer = { token: this.#channel.virtualHost.directReplies.register(this), tag, writer }
  }

  cancelTag(tag: string): boolean {
    if (this.#consumer?.tag !== tag) return false
    this.cancel()
    return true
  }

  cancel(): void {
    if (this.#consumer === undefined) return
    this.#channel.virtualHost.directReplies.unregister(this.#consumer.token)
    this.#consumer = undefined
  }

  reply(message: Message): boolean {
    if (this.#consumer === undefined || this.#channel.session.unread > MOST_UNREAD_BYTES) return false
    this.#consumer.writer.receive(this.#channel.channel.nextTag(), message, 1)
    return true
  }
}
