import type { Msg } from '@nats-io/transport-node'
import { WaybillError } from '../../message/errors.ts'
import type { Timer } from '../../runtime/runtime.ts'
import { ConfirmedMoves } from '../../transport/confirmed-moves.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import type { NatsDelivery, Origin } from './nats-delivery.ts'
import { settledTo } from './progress.ts'
import { subjectOf, type Publication } from './publisher.ts'
import { Puller, type PullTarget } from './puller.ts'
import { RollCall } from './roll-call.ts'
import type { Wire } from './wire.ts'

/** How often the server is asked how far the group is. */
const LOOK_EVERY_MS = 5_000
/** Of `ack_wait`: how often the server is told of what is still in work. */
const SIGNS = 4
const WORKING = '+WPI'

export interface AttachmentEvents {
  message(message: Msg, origin: Origin): void
  /** There is room to ask for more. */
  freed(): void
  /** The server no longer delivers. */
  lost(error: Error): void
  /** How far the group is, as the server says. */
  settled(to: number): void
  /** What is here and not settled. */
  held(): Iterable<NatsDelivery>
}

/** Everything of one time that a member of an unordered group is attached: what it asks, and what it keeps the server told. */
export class GroupAttachment {
  readonly wire: Wire
  readonly #context: Context
  readonly #events: AttachmentEvents
  readonly #target: PullTarget
  readonly #main: Puller
  readonly #retries: Puller
  readonly #moves: ConfirmedMoves<Publication>
  readonly #rollCall: RollCall
  #extending: Timer | undefined
  #looking: Timer | undefined
  #ended = false

  constructor(context: Context, wire: Wire, group: Group, main: PullTarget, events: AttachmentEvents) {
    const { names, runtime, declarer } = context
    this.wire = wire
    this.#context = context
    this.#events = events
    this.#target = main
    const puller = (target: PullTarget, origin: Origin): Puller =>
      new Puller(wire.connection, wire.newInbox(), target, runtime, {
        message: (message) => events.message(message, origin),
        freed: () => events.freed(),
        lost: (error) => this.#lost(error),
      })
    this.#main = puller(main, 'main')
    this.#retries = puller({ stream: names.side(group.channel), consumer: names.retryConsumer(group) }, 'retry')
    this.#moves = new ConfirmedMoves(wire.publisher, runtime, () => declarer.side(group.channel), subjectOf)
    this.#rollCall = new RollCall(wire.connection, names.here(group))
    this.#extend()
    this.#lookLater()
  }

  /**
   * Asks for what there is room for. The main consumer may fill all of it. One retry is asked for besides: when it comes at
   * the wrong moment it waits here, and is the next to be handed out.
   */
  ask(room: number, prefetch: number): void {
    const more = room - this.#main.asked
    // Half a window at a time, so that a request is not made for each message.
    if (more > 0 && (this.#main.asked === 0 || more * 2 >= prefetch)) this.#main.pull(more)
    if (room > 0 && this.#retries.asked === 0) this.#retries.pull(1)
  }

  move(publication: Publication, done: (error: Error | undefined) => void): void {
    this.#moves.move(publication, done)
  }

  /** A word on one delivery, to where it is settled. */
  say(reply: string, word: string): void {
    if (!this.wire.connection.isClosed()) this.wire.connection.publish(reply, word)
  }

  /** Asks for nothing more, and is not counted any more. What is on its way still comes before it resolves. */
  async drain(): Promise<void> {
    this.#rollCall.end()
    await Promise.all([this.#main.drain(this.wire.api), this.#retries.drain(this.wire.api)])
  }

  end(): void {
    this.#ended = true
    this.#extending?.cancel()
    this.#looking?.cancel()
    this.#main.end()
    this.#retries.end()
    this.#moves.end()
    this.#rollCall.end()
  }

  #lost(error: Error): void {
    if (!this.#ended) this.#events.lost(error)
  }

  #lookLater(): void {
    this.#looking = this.#context.runtime.setTimer(LOOK_EVERY_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { stream, consumer } = this.#target
    try {
      const info = await this.wire.api.consumer(stream, consumer)
      if (this.#ended) return
      if (info === undefined) {
        const what = `consumer ${consumer} of stream ${stream} does not exist any more`
        return this.#lost(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', what))
      }
      this.#events.settled(settledTo(info))
    } catch {
      // A link that is lost says so itself; a server that is busy is asked again.
    }
    if (!this.#ended) this.#lookLater()
  }

  /** Tells the server of what is still in work, in time. */
  #extend(): void {
    const { runtime, settings } = this.#context
    const everyMs = settings.ackWaitMs / SIGNS
    this.#extending = runtime.setTimer(everyMs, () => {
      const now = runtime.monotonic()
      for (const delivery of this.#events.held()) {
        // What has only just come will be settled before, nearly always.
        if (now - delivery.since < everyMs) continue
        delivery.since = now
        this.say(delivery.reply, WORKING)
      }
      this.#extend()
    })
  }
}
