import type { Channel } from '../channel/channel.ts'
import type { Connection } from '../connection.ts'
import { REPLY_QUEUE } from '../direct-reply-to.ts'
import type { ConfirmSink, Message, PublishOptions, PublishOutcome } from '../message.ts'
import { readExpiration } from '../queue/lifetime.ts'
import { ReplyError } from '../reply-error.ts'
import type { VirtualHost } from '../virtual-host.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import { writeReturn } from '../wire/methods/basic-methods.ts'
import type { PropertyScan, PublishAddress } from '../wire/publish-scan.ts'
import { PublishConfirms } from './publish-confirms.ts'
import { PublishPermit } from './publish-permit.ts'
import { Transaction, type Uncommitted } from './transaction.ts'
import type { UncommittedBudget } from './uncommitted-budget.ts'
import type { SessionContext } from './session-context.ts'

/** The channel that publishes. */
export interface PublishingChannel {
  readonly number: number
  readonly isOpen: boolean
  readonly virtualHost: VirtualHost
  readonly connection: Connection
  readonly channel: Channel
  readonly frames: FrameWriter
  readonly session: SessionContext & { readonly uncommitted: UncommittedBudget }
  readonly replies: { readonly token: string | undefined }
  /** Confirms are to be written at the end of this turn. */
  confirming(): void
}

/** Publishes of one channel: which are let through, when they happen, and what the client hears of them. */
export class ChannelPublisher implements ConfirmSink {
  readonly #channel: PublishingChannel
  readonly #permit: PublishPermit
  #confirms: PublishConfirms | undefined
  #transaction: Transaction | undefined
  /** The publish of now, if it is to be returned when no queue takes it: what has no queue is told at once. */
  #returnable: Message | undefined

  constructor(channel: PublishingChannel) {
    this.#channel = channel
    this.#permit = new PublishPermit(channel.virtualHost, channel.connection.guard)
  }

  get isConfirming(): boolean {
    return this.#confirms !== undefined
  }

  /** Publishes whose outcome is not known yet. */
  get unconfirmed(): number {
    return this.#confirms?.pending ?? 0
  }

  /** Absent until tx.select. */
  get transaction(): Transaction | undefined {
    return this.#transaction
  }

  /** Publishes are confirmed from now on. @throws {ReplyError} 406 where they are committed */
  selectConfirms(): void {
    if (this.#transaction !== undefined) throw new ReplyError(406, 'cannot switch from tx to confirm mode')
    this.#confirms ??= new PublishConfirms(this.#channel.frames, this.#channel.number)
  }

  /** Publishes wait for a commit from now on. @throws {ReplyError} 406 where they are confirmed */
  selectTransactions(): void {
    if (this.#confirms !== undefined) throw new ReplyError(406, 'cannot switch from confirm to tx mode')
    const { virtualHost, channel, session } = this.#channel
    this.#transaction ??= new Transaction(virtualHost, channel, session.uncommitted)
  }

  /** @throws {ReplyError} what closes the channel */
  publish(address: PublishAddress, message: Message, scan: PropertyScan): void {
    const { virtualHost, channel, replies } = this.#channel
    this.#permit.require(address)
    if (scan.userId !== undefined) this.#requireUser(scan.userId)
    const addressed =
      scan.replyTo === REPLY_QUEUE ? virtualHost.directReplies.addressed(message, replies.token) : message
    const options = optionsOf(scan)
    if (this.#transaction !== undefined) {
      return this.#transaction.publish({ message: addressed, options, isMandatory: address.mandatory })
    }
    this.#returnable = address.mandatory ? message : undefined
    channel.counters.published++
    virtualHost.publish(addressed, options, this, this.#confirms?.next() ?? 0)
    this.#returnable = undefined
  }

  /** What became of a publish; `tag` is 0 when nobody asked. */
  confirmed(tag: number, outcome: PublishOutcome): void {
    const { isOpen, session, channel } = this.#channel
    if (!isOpen) return
    if (outcome === 'unroutable') this.#unroutable(this.#returnable)
    if (this.#confirms === undefined || tag === 0) return
    if (outcome === 'refused') {
      this.#confirms.nack(tag)
      session.wrote()
    } else {
      channel.counters.confirmed++
      this.#confirms.ack(tag)
      this.#channel.confirming()
    }
  }

  /** Writes the confirms of this turn. */
  flushConfirms(): void {
    this.#confirms?.flush()
  }

  /**
   * @param done called with whether everything was taken, once all of it is stored
   * @throws {ReplyError} as `Transaction.commit`
   */
  commit(transaction: Transaction, done: (isWhole: boolean) => void): void {
    const { counters } = this.#channel.channel
    transaction.commit({
      published: (count) => (counters.published += count),
      unroutable: (publish: Uncommitted) => this.#unroutable(publish.isMandatory ? publish.message : undefined),
      committed: done,
    })
  }

  close(): void {
    this.#transaction?.rollback()
  }

  /** @throws {ReplyError} 406 for somebody else's name */
  #requireUser(userId: string): void {
    const { user, tags } = this.#channel.session
    if (userId === user || tags.includes('impersonator')) return
    throw new ReplyError(406, `user_id property set to '${userId}' but authenticated user was '${user}'`)
  }

  #unroutable(returnable: Message | undefined): void {
    const { counters } = this.#channel.channel
    if (returnable === undefined) counters.dropped++
    else {
      counters.returned++
      this.#return(returnable)
    }
  }

  #return({ exchange, routingKey, properties, body }: Message): void {
    const { frames, number, session } = this.#channel
    writeReturn(frames, number, exchange, routingKey)
    frames.content(number, properties, body, session.frameMax)
    session.wrote()
  }
}

const PERSISTENT: PublishOptions = { persistent: true }
const TRANSIENT: PublishOptions = { persistent: false }

function optionsOf({ persistent, expiration }: PropertyScan): PublishOptions {
  if (expiration === undefined) return persistent ? PERSISTENT : TRANSIENT
  return { persistent, ttlMs: readExpiration(expiration) }
}
