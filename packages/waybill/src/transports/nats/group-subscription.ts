import type { Msg } from '@nats-io/transport-node'
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import { Idle } from '../../transport/idle.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupAttachment } from './group-attachment.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { decodeMessage } from './message-mapping.ts'
import { shardOfMessage } from './names.ts'
import { NatsDelivery, type Origin } from './nats-delivery.ts'
import { settledTo, type Progress } from './progress.ts'
import { RETURN, Returns } from './returns.ts'
import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import { onward, type Onward } from './settlement.ts'
import type { Wire } from './wire.ts'

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
  #attachment: GroupAttachment | undefined
  #types: ReadonlySet<string> | undefined
  #life = 0
  #since: number | undefined
  #prefetch: number
  #pumping = false
  readonly #returns = new Returns()
  /** The sequence up to which the group has settled everything, as the server said last: from there it goes on, should its consumer be deleted. */
  #settledTo: Progress | undefined
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
      else this.#move(delivery, settlement)
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
    const drained = attachment?.drain()
    this.#returnReady()
    await this.#idle.wait(deadlineMs)
    await drained?.catch(() => undefined) // a link that goes meanwhile returns everything
    this.#detach()
    if (attachment !== undefined && !attachment.wire.connection.isClosed()) {
      await this.#returns.returnAll(attachment.wire)
      await attachment.wire.connection.flush().catch(() => undefined)
    }
    this.#onClosed()
  }

  async #attach(): Promise<void> {
    const { declarer, runtime } = this.#context
    const { group, start } = this.#spec
    const wire = this.#context.wire()
    await declarer.group(group, start, this.#settledTo)
    await this.#context.delays.serve(group.channel)
    const { source, types } = await declarer.source(group)
    const consumer = declarer.consumerName(group)
    const [info, stream] = await Promise.all([
      wire.api.consumer(source.stream, consumer),
      wire.api.stream(source.stream),
    ])
    await this.#returns.returnAll(wire)
    // Who is closed meanwhile is not attached any more: nobody would end it.
    if (this.#closing !== undefined) return
    const life = ++this.#life
    this.#types = types
    const of = stream?.created ?? ''
    this.#settledTo = info === undefined ? undefined : { of, sequence: settledTo(info) }
    const attachment = new GroupAttachment(
      this.#context,
      wire,
      group,
      { stream: source.stream, consumer },
      {
        message: (message, origin) => this.#heard(message, origin, life, wire),
        freed: () => this.#pump(),
        lost: (error) => this.#vanished(error, life),
        settled: (sequence) => (this.#settledTo = { of, sequence }),
        held: () => [...this.#unsettled, ...this.#ready],
      },
    )
    this.#attachment = attachment
    this.#ask()
    // The requests have arrived, and the roll is called with us.
    await wire.connection.flush()
    if (life === this.#life) this.#since = runtime.now()
  }

  #detach(): void {
    this.#life++
    this.#since = undefined
    this.#attachment?.end()
    this.#attachment = undefined
    for (const delivery of [...this.#unsettled, ...this.#ready]) this.#returns.add(delivery.reply)
    this.#unsettled.clear()
    this.#ready = []
    this.#idle.reset()
  }

  #returnReady(): void {
    const ready = this.#ready
    this.#ready = []
    for (const delivery of ready) this.#say(delivery.reply, RETURN)
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
    const types = await this.#context.declarer.types.read(this.#spec.group).catch((error: unknown) => asError(error))
    if (types instanceof Error) {
      this.#context.emit({ type: 'error', error: types })
      return this.#say(delivery.reply, RETURN)
    }
    if (delivery.life !== this.#life) return
    this.#types = types
    if (types?.has(delivery.message.type) === false) this.#say(delivery.reply, '')
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

  #ask(): void {
    if (this.#closing !== undefined) return
    this.#attachment?.ask(this.#prefetch - this.#unsettled.size - this.#ready.length, this.#prefetch)
  }

  #expired(delivery: NatsDelivery): void {
    delivery.settled = true
    if (vanishesWhenExpired(delivery.message)) this.#ack(delivery)
    else
      this.#move(delivery, { delivery, action: 'reject', reason: 'expired', detail: 'expired before it was handled' })
  }

  #move(delivery: NatsDelivery, settlement: Onward): void {
    const place = { of: delivery.origin, sequence: delivery.sequence }
    const publication = onward(settlement, this.#spec.group, place, this.#context)
    this.#attachment?.move(publication, (error) => {
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
    this.#say(delivery.reply, word)
    this.#idle.remove(1)
  }

  #say(reply: string, word: string): void {
    this.#attachment?.say(reply, word)
  }
}
