import type { Runtime } from '../runtime/runtime.ts'
import { withReplyTo } from './encoded-properties.ts'
import type { Message } from './message.ts'
import { ReplyError } from './reply-error.ts'
import { withProperties } from './sender-selection.ts'

/** The pseudo-queue that a requester consumes, and names in reply-to (RabbitMQ, Direct Reply-to). */
export const REPLY_QUEUE = 'amq.rabbitmq.reply-to'

/** What a responder is told instead: this and the token of the requester. */
const PREFIX = `${REPLY_QUEUE}.`

export interface ReplyReceiver {
  /**
   * Takes a reply, in the turn in which it was published; it is neither stored nor handed out again. `false` when there is
   * no room for it, as the requester has long not read.
   */
  reply(message: Message): boolean
}

/** Whether the name is of the pseudo-queue, or stands for one that consumes it. */
export function isReplyName(name: string): boolean {
  return name === REPLY_QUEUE || name.startsWith(PREFIX)
}

/** Those who wait for replies without a queue, each by a token that nobody guesses. */
export class DirectReplies {
  readonly #runtime: Runtime
  readonly #receivers = new Map<string, ReplyReceiver>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get size(): number {
    return this.#receivers.size
  }

  /** The token of the receiver, until `unregister`. */
  register(receiver: ReplyReceiver): string {
    const token = this.#runtime.newId()
    this.#receivers.set(PREFIX + token, receiver)
    return token
  }

  unregister(token: string): void {
    this.#receivers.delete(PREFIX + token)
  }

  /** Whether there is somebody of that name: what a passive declaration asks. The pseudo-queue itself is always there. */
  isAlive(name: string): boolean {
    return name === REPLY_QUEUE || this.#receivers.has(name)
  }

  /**
   * A message whose reply-to names the pseudo-queue, with the name of the requester there instead.
   *
   * @param token of the channel's reply consumer, if it has one
   * @throws {ReplyError} 406 when it has none
   */
  addressed(message: Message, token: string | undefined): Message {
    if (token === undefined) throw new ReplyError(406, 'fast reply consumer does not exist')
    return withProperties(message, withReplyTo(message.properties, PREFIX + token))
  }

  /** Hands a message to whom its routing key names. `false` when nobody, or nobody any more, has that name. */
  deliver(routingKey: string, message: Message): boolean {
    return this.#receivers.get(routingKey)?.reply(message) ?? false
  }
}
