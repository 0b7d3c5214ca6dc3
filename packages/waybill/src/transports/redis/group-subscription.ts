import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import { Idle } from '../../transport/idle.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import { deadLetter, type Burial } from '../../transport/dead-letter.ts'
import type { Context } from './context.ts'
import { GroupAttachment, type Handed } from './group-attachment.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { bodyOf, decodeMessage, encodeAttributes } from './message-mapping.ts'
import { shardOfMessage } from './names.ts'
import { RedisDelivery } from './redis-delivery.ts'
import { retried, vanishesWhenExpired } from '../../transport/settled-message.ts'

/**
 * A member of a durable group that is not ordered: fetches what it has room for.
 *
 * It lives once for each time that it is attached, and is another consumer each time; a settlement of a delivery from an
 * earlier life is ignored, because that delivery is anybody's by then.
 */
export class GroupSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #idle: Idle
  /** Came, and wait for room: what was fetched before the prefetch was lowered, and what a newer member asked for. */
  #ready: RedisDelivery[] = []
  #types: ReadonlySet<string> | undefined
  #attachment: GroupAttachment | undefined
  /** Of the attachment before this one, while what it held may still be its. */
  #former: string | undefined
  #life = 0
  #since: number | undefined
  #prefetch: number
  #pumping = false
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    const { channel, types } = spec.group
    this.#spec = spec
    this.#context = context
    this.#receive = receive
    this.#onClosed = onClosed
    this.#prefetch = spec.prefetch
    this.address = channel.kind === 'reply' ? context.names.base(channel) : undefined
    this.#types = types === undefined || channel.kind !== 'events' ? undefined : new Set(types)
    this.#idle = new Idle(context.runtime)
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the server counts it as a member. */
  async start(): Promise<void> {
    const { declarer, runtime } = this.#context
    const { group, start } = this.#spec
    const connection = this.#context.connection()
    await declarer.group(group, start)
    // Who is closed meanwhile does not join any more: nobody would take it out.
    if (this.#closing !== undefined) return
    const life = ++this.#life
    const attachment = new GroupAttachment(this.#context, connection, group, {
      room: () => this.#prefetch - this.#idle.count - this.#ready.length,
      handed: (batch) => this.#handed(batch, life),
      lost: (error) => this.#vanished(error, life),
    })
    this.#attachment = attachment
    await attachment.join(this.#former)
    this.#former = attachment.self
    if (life !== this.#life) return
    this.#since = runtime.now()
    attachment.fetch()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof RedisDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || delivery.life !== this.#life) continue
      delivery.settled = true
      this.#idle.remove(1)
      const queue = this.#attachment?.settlements
      if (settlement.action === 'ack') queue?.add('a', delivery.place)
      else if (settlement.action === 'reject') this.#bury(delivery, settlement)
      else {
        const again = retried(settlement)
        const afterMs = Math.max(0, Math.ceil(settlement.afterMs))
        queue?.add('r', delivery.place, afterMs, encodeAttributes(again), bodyOf(again))
      }
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
    attachment?.shut()
    await this.#idle.wait(deadlineMs)
    const error = await attachment?.leave().catch((thrown: unknown) => asError(thrown))
    this.#detach()
    // On a link that is down the others will miss us.
    if (error instanceof Error && !isWaybillError(error)) this.#context.emit({ type: 'error', error })
    this.#onClosed()
  }

  #detach(): void {
    this.#life++
    this.#since = undefined
    this.#attachment?.end()
    this.#attachment = undefined
    this.#ready = []
    this.#idle.reset()
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

  #handed(batch: readonly Handed[], life: number): void {
    if (life !== this.#life || this.#closing !== undefined) return
    const { channel } = this.#spec.group
    for (const { place, fields, count } of batch) {
      const message = decodeMessage(fields)
      const shard = place.stream > 0 && channel.foreign === undefined ? place.stream - 1 : shardOfMessage(channel, message) // prettier-ignore
      const delivery = new RedisDelivery(message, shard, place, count, life)
      if (place.stream === 0 || this.#types?.has(message.type) !== false) this.#ready.push(delivery)
      else this.#attachment?.settlements.passBy(place, message.type, () => this.#wanted(delivery))
    }
    this.#pump()
  }

  /** A newer member has asked for its type: from now on this one asks for it, too. */
  #wanted(delivery: RedisDelivery): void {
    if (delivery.life !== this.#life) return
    this.#types = new Set([...(this.#types ?? []), delivery.message.type])
    this.#ready.push(delivery)
    this.#pump()
  }

  /** Hands out what there is room for, once a turn, and fetches more. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#context.runtime.defer(() => {
      this.#pumping = false
      if (this.#closing !== undefined || this.#attachment?.isHeld !== true) return
      this.#handOut()
      this.#attachment.fetch()
    })
  }

  #handOut(): void {
    const now = this.#context.runtime.now()
    const batch: RedisDelivery[] = []
    while (this.#idle.count + batch.length < this.#prefetch) {
      const delivery = this.#ready.shift()
      if (delivery === undefined) break
      const { expiresAt } = delivery.message
      if (expiresAt === undefined || expiresAt > now) {
        batch.push(delivery)
        continue
      }
      delivery.settled = true
      if (vanishesWhenExpired(delivery.message)) this.#attachment?.settlements.add('a', delivery.place)
      else this.#bury(delivery, { reason: 'expired', detail: 'expired before it was handled' })
    }
    if (batch.length === 0) return
    this.#idle.add(batch.length)
    this.#receive(batch)
  }

  #bury({ message, place }: RedisDelivery, burial: Burial): void {
    const letter = deadLetter(message, this.#spec.group, burial, this.#context.runtime.now())
    this.#attachment?.settlements.add('d', place, encodeAttributes(letter), bodyOf(letter))
  }
}
