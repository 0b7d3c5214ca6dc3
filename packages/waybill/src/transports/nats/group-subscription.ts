import type { Msg } from '@nats-io/transport-node'
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Timer } from '../../runtime/runtime.ts'
import { Idle } from '../../transport/idle.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import type { LinkedSubscription } from './linked-subscription.ts'
import { decodeMessage } from './message-mapping.ts'
import { Moves } from './moves.ts'
import { shardOfMessage } from './names.ts'
import { NatsDelivery, type Origin } from './nats-delivery.ts'
import type { Publication } from './publisher.ts'
import { Puller, type PullTarget } from './puller.ts'
import { settledTo } from './progress.ts'
import { RollCall } from './roll-call.ts'
import { deadLetterPublication, retryPublication, vanishesWhenExpired } from './settlement.ts'
import type { Wire } from './wire.ts'

const RETURN = '-NAK'
/** The server says so at once, if its consumer is there. */
const RETURNED_WITHIN_MS = 2_000
/** How often the server is asked how far the group is. */
const LOOK_EVERY_MS = 5_000
const WORKING = '+WPI'

/** Everything of one time that the subscription is attached. */
interface Attachment {
  readonly wire: Wire
  readonly main: Puller
  readonly retries: Puller
  readonly moves: Moves
  readonly rollCall: RollCall
}

/**
 * A member of a durable group that is not ordered: asks two consumers for messages, the group's own and that of its retries.
 *
 * It lives once for each time that it is attached; a settlement of a delivery from an earlier life is ignored, because that
 * delivery has been returned. What it has unsettled is extended, so that a handler may take as long as it needs.
 */
export class GroupSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #idle: Idle
  readonly #unsettled = new Set<NatsDelivery>()
  /** Came, and wait for room: what was asked for before the prefetch was lowered, and one retry at most. */
  #ready: NatsDelivery[] = []
  #attachment: Attachment | undefined
  #types: ReadonlySet<string> | undefined
  #life = 0
  #since: number | undefined
  #prefetch: number
  #pumping = false
  #extending: Timer | undefined
  #looking: Timer | undefined
  /** Deliveries of an earlier life, to be returned once there is a link again. */
  #returning: string[] = []
  /** The sequence up to which the group has settled everything, as the server said last: from there it goes on, should its consumer be deleted. */
  #settledTo: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#receive = receive
    this.#onClosed = onClosed
    this.#prefetch = spec.prefetch
    this.address = spec.group.channel.kind === 'reply' ? context.names.replies(spec.group.channel) : undefined
    this.#idle = new Idle(context.runtime)
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.#attach())
  }

  /** Resolves when the server has its consumers. */
  async start(): Promise<void> {
    await this.#attach()
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  /** Since when it is attached. */
  get attachedSince(): number | undefined {
    return this.#since
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof NatsDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || delivery.life !== this.#life) continue
      delivery.settled = true
      if (settlement.action === 'ack') this.#ack(delivery)
      else if (settlement.action === 'retry') this.#retry(delivery, settlement)
      else this.#reject(delivery, settlement)
    }
    this.#pump()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#pump()
  }

  linkDown(error: Error): void {
    this.#detach()
    this.#takeUp.linkDown()
    this.#lost(error)
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    const attachment = this.#attachment
    // Nothing more is asked for, and what still comes goes back.
    const drained = attachment === undefined ? undefined : drain(attachment)
    this.#returnReady()
    await this.#idle.wait(deadlineMs)
    await drained?.catch(() => undefined) // a link that goes meanwhile returns everything
    this.#detach()
    if (attachment !== undefined && !attachment.wire.connection.isClosed()) {
      await this.#returnAll(attachment.wire)
      await attachment.wire.connection.flush().catch(() => undefined)
    }
    this.#onClosed()
  }

  async #attach(): Promise<void> {
    const { declarer, names, runtime } = this.#context
    const { group, start } = this.#spec
    const wire = this.#context.wire()
    await declarer.group(group, start, this.#settledTo)
    await this.#context.delays.serve(group.channel)
    const { source, types } = await declarer.source(group)
    const consumer = declarer.consumerName(group)
    const info = await wire.api.consumer(source.stream, consumer)
    await this.#returnAll(wire)
    const life = ++this.#life
    this.#types = types
    this.#settledTo = info === undefined ? undefined : settledTo(info)
    const target = (origin: Origin): Puller => {
      const at =
        origin === 'main'
          ? { stream: source.stream, consumer }
          : { stream: names.side(group.channel), consumer: names.retryConsumer(group) }
      return new Puller(wire.connection, wire.newInbox(), at, runtime, {
        message: (message) => this.#heard(message, origin, life, wire),
        freed: () => this.#pump(),
        lost: (error) => this.#vanished(error, life),
      })
    }
    this.#attachment = {
      wire,
      main: target('main'),
      retries: target('retry'),
      moves: new Moves(wire.publisher, runtime, () => declarer.side(group.channel)),
      rollCall: new RollCall(wire.connection, names.here(group)),
    }
    this.#ask()
    // The requests have arrived, and the roll is called with us.
    await wire.connection.flush()
    if (life !== this.#life) return
    this.#since = runtime.now()
    this.#extend()
    const own = { stream: source.stream, consumer }
    this.#looking = runtime.setTimer(LOOK_EVERY_MS, () => void this.#look(own, life))
  }

  #detach(): void {
    this.#life++
    this.#since = undefined
    this.#extending?.cancel()
    this.#extending = undefined
    this.#looking?.cancel()
    const { main, retries, moves, rollCall } = this.#attachment ?? {}
    this.#attachment = undefined
    main?.end()
    retries?.end()
    moves?.end()
    rollCall?.end()
    for (const delivery of [...this.#unsettled, ...this.#ready]) this.#returning.push(delivery.reply)
    this.#unsettled.clear()
    this.#ready = []
    this.#idle.reset()
  }

  /** So that nobody has to wait for the server to miss us; and has done so before we ask for anything new. */
  async #returnAll(wire: Wire): Promise<void> {
    const returned = this.#returning
      .splice(0)
      .map((reply) => wire.connection.request(reply, RETURN, { timeout: RETURNED_WITHIN_MS }))
    // What is not answered returns after `ack_wait`.
    await Promise.allSettled(returned)
  }

  #returnReady(): void {
    const ready = this.#ready
    this.#ready = []
    for (const delivery of ready) this.#publish(delivery.reply, RETURN)
  }

  #vanished(error: Error, life: number): void {
    if (life !== this.#life || this.#closing !== undefined) return
    this.#detach()
    this.#lost(error)
    this.#takeUp.begin()
  }

  #lost(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
  }

  #heard(message: Msg, origin: Origin, life: number, wire: Wire): void {
    // While it closes, what still comes goes back at once.
    if (life !== this.#life || this.#closing !== undefined)
      return void (wire.connection.isClosed() || wire.connection.publish(message.reply ?? '', RETURN))
    const { runtime } = this.#context
    const decoded = decodeMessage(message.headers, message.data)
    const shard = shardOfMessage(this.#spec.group.channel, decoded)
    const delivery = new NatsDelivery(message, decoded, shard, origin, life, runtime.monotonic())
    if (origin === 'main' && this.#types !== undefined && !this.#types.has(decoded.type))
      return void this.#passBy(delivery)
    this.#ready.push(delivery)
    this.#pump()
  }

  /** Not for this group, unless a newer member has asked for it since. */
  async #passBy(delivery: NatsDelivery): Promise<void> {
    try {
      this.#types = await this.#context.declarer.types.read(this.#spec.group)
    } catch (error) {
      this.#context.emit({ type: 'error', error: asError(error) })
      return this.#publish(delivery.reply, RETURN)
    }
    if (delivery.life !== this.#life) return
    if (this.#types?.has(delivery.message.type) === false) this.#publish(delivery.reply, '')
    else this.#ready.push(delivery)
    this.#pump()
  }

  /** Hands out what there is room for, once a turn, and asks for more. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#context.runtime.defer(() => {
      this.#pumping = false
      if (this.#closing !== undefined) return
      this.#handOut()
      this.#ask()
    })
  }

  #handOut(): void {
    const room = this.#prefetch - this.#unsettled.size
    if (room <= 0 || this.#ready.length === 0) return
    const now = this.#context.runtime.now()
    const batch: NatsDelivery[] = []
    while (batch.length < room) {
      const delivery = this.#ready.shift()
      if (delivery === undefined) break
      this.#idle.add(1)
      this.#unsettled.add(delivery)
      const { expiresAt } = delivery.message
      if (expiresAt === undefined || expiresAt > now) batch.push(delivery)
      else this.#expired(delivery)
    }
    if (batch.length > 0) this.#receive(batch)
  }

  /**
   * The main consumer may fill all the room. One retry is asked for besides: it waits here, when it comes at the wrong
   * moment, and is the next to be handed out.
   */
  #ask(): void {
    if (this.#attachment === undefined || this.#closing !== undefined) return
    const { main, retries } = this.#attachment
    const room = this.#prefetch - this.#unsettled.size - this.#ready.length
    const more = room - main.asked
    // Half a window at a time, so that a request is not made for each message.
    if (more > 0 && (main.asked === 0 || more * 2 >= this.#prefetch)) main.pull(more)
    if (room > 0 && retries.asked === 0) retries.pull(1)
  }

  #expired(delivery: NatsDelivery): void {
    delivery.settled = true
    if (vanishesWhenExpired(delivery.message)) this.#ack(delivery)
    else this.#reject(delivery, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #retry(delivery: NatsDelivery, retry: Extract<Settlement, { readonly action: 'retry' }>): void {
    const { names, delays, runtime } = this.#context
    const { group } = this.#spec
    const publication = retryPublication(retry, group, placeOf(delivery), names)
    const until = runtime.now() + retry.afterMs
    this.#move(delivery, retry.afterMs > 0 ? delays.delayed(group.channel, publication, until) : publication)
  }

  #reject(delivery: NatsDelivery, burial: Parameters<typeof deadLetterPublication>[2]): void {
    const { names, runtime } = this.#context
    const { group } = this.#spec
    this.#move(
      delivery,
      deadLetterPublication(delivery.message, group, burial, placeOf(delivery), names, runtime.now()),
    )
  }

  #move(delivery: NatsDelivery, publication: Publication): void {
    this.#attachment?.moves.move(publication, (error) => {
      if (error === undefined) this.#ack(delivery)
      else {
        const what = `${publication.subject} does not take message ${delivery.message.id}: it goes back to its group`
        this.#context.emit({ type: 'error', error: new WaybillError('WAYBILL_REFUSED', what, { cause: error }) })
        this.#end(delivery, RETURN)
      }
      this.#pump()
    })
  }

  #ack(delivery: NatsDelivery): void {
    this.#end(delivery, '')
  }

  #end(delivery: NatsDelivery, word: '' | typeof RETURN): void {
    this.#unsettled.delete(delivery)
    this.#publish(delivery.reply, word)
    this.#idle.remove(1)
  }

  #publish(reply: string, word: string): void {
    const wire = this.#attachment?.wire
    if (wire !== undefined && !wire.connection.isClosed()) wire.connection.publish(reply, word)
  }

  /** Keeps in mind how far the group is. */
  async #look(target: PullTarget, life: number): Promise<void> {
    if (life !== this.#life) return
    const { runtime } = this.#context
    try {
      const info = await this.#context.wire().api.consumer(target.stream, target.consumer)
      if (life !== this.#life) return
      if (info === undefined) {
        const what = `consumer ${target.consumer} of stream ${target.stream} does not exist any more`
        return this.#vanished(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', what), life)
      }
      this.#settledTo = settledTo(info)
    } catch {
      // A link that is lost says so itself; a server that is busy is asked again.
    }
    if (life === this.#life) this.#looking = runtime.setTimer(LOOK_EVERY_MS, () => void this.#look(target, life))
  }

  /** Tells the server of what is still in work, in time. */
  #extend(): void {
    if (this.#attachment === undefined) return
    const { runtime, settings } = this.#context
    const everyMs = settings.ackWaitMs / 4
    this.#extending?.cancel()
    this.#extending = runtime.setTimer(everyMs, () => {
      const now = runtime.monotonic()
      for (const held of [this.#unsettled, this.#ready])
        for (const delivery of held) {
          // What has only just come will be settled before, nearly always.
          if (now - delivery.since < everyMs) continue
          delivery.since = now
          this.#publish(delivery.reply, WORKING)
        }
      this.#extend()
    })
  }
}

async function drain({ wire, main, retries, rollCall }: Attachment): Promise<void> {
  rollCall.end()
  await Promise.all([main.drain(wire.api), retries.drain(wire.api)])
}

function placeOf(delivery: NatsDelivery): { readonly of: Origin; readonly sequence: number } {
  return { of: delivery.origin, sequence: delivery.sequence }
}
