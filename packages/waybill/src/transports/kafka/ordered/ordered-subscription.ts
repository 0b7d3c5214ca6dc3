import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import { hasOneRecipient } from '../../../transport/channel.ts'
import { HandOut, windowFor } from '../../../transport/ordered/hand-out.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import { Committer } from '../group/committer.ts'
import { ConsumerMember } from '../group/consumer-member.ts'
import { Fetcher } from '../fetcher.ts'
import { newKafkaId } from '../kafka-id.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { LinkedSubscription, SubscriptionContext } from '../subscription-context.ts'
import { LaterMover } from '../later/later-mover.ts'
import { namesOf, type GroupNames } from '../topic-names.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'

/** How long a shard that goes to another member waits for its handlers; less than the coordinator gives us. */
const GRACE_MS = 30_000

/** One life of the subscription: a member of the consumer group, and what it owns. */
interface Attachment {
  readonly member: ConsumerMember
  readonly committer: Committer
  readonly parts: ShardParts
  readonly later: LaterMover | undefined
}

/**
 * A member of an ordered group: a Kafka consumer group, whose coordinator gives each partition to one member. Hands out what
 * the gates of its shards let through, at most `prefetch` at a time over all of them.
 */
export class OrderedSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #handOut: HandOut<ShardItem>
  readonly #onClosed: () => void
  readonly #names: GroupNames
  readonly memberId: string
  readonly #takeUp: TakeUp
  readonly #deadlines: Deadlines
  readonly #owners = new Map<number, ShardOwner>()
  #attachment: Attachment | undefined
  #life = 0
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: SubscriptionContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#names = namesOf(spec.group)
    this.#handOut = new HandOut(spec.prefetch, context.runtime, {
      receive,
      // The coordinator waits for what a member has before it gives its shards to another, and fences who is silent.
      isHeld: () => true,
      ownerOf: (shard) => this.#owners.get(shard),
    })
    this.memberId = newKafkaId(context.runtime)
    this.#deadlines = new Deadlines(context.runtime)
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the coordinator counts this member. */
  async start(): Promise<void> {
    const life = ++this.#life
    await this.#context.declarer.group(this.#spec.group, this.#spec.start ?? 'now')
    const link = this.#context.link()
    if (life !== this.#life) throw this.#gone()
    const attachment = (this.#attachment = this.#attach(link, life))
    try {
      await Promise.all([attachment.member.join(), attachment.later?.start()])
      if (life !== this.#life) throw this.#gone()
    } catch (error) {
      // The next try begins anew, and this one's must not go on beside it.
      end(attachment)
      throw error
    }
    this.#since = this.#context.runtime.now()
  }

  settle(batch: readonly Settlement[]): void {
    this.#handOut.settle(batch)
  }

  flow(prefetch: number): void {
    this.#handOut.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#takeUp.linkDown()
    this.#detach()
    this.#emit({ type: 'subscription-lost', error })
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    this.#handOut.end()
    const attachment = this.#attachment
    try {
      await Promise.all([...this.#owners.keys()].map((shard) => this.#letGo(shard, deadlineMs)))
      await Promise.all([attachment?.member.leave(), attachment?.later?.close()])
    } finally {
      this.#detach()
      this.#onClosed()
    }
  }

  #attach(link: KafkaLink, life: number): Attachment {
    const { id, topic } = this.#names
    const { group } = this.#spec
    const lost = (error: Error): void => this.#lost(error, life)
    const member = new ConsumerMember(this.memberId, link, id, topic, {
      assigned: (shard) => {
        if (life === this.#life) this.#take(shard, life)
      },
      revoked: (shard) => (life === this.#life ? this.#letGo(shard, GRACE_MS) : Promise.resolve()),
      lost,
    })
    const committer = new Committer(link, id, member, lost)
    const parts: ShardParts = {
      context: this.#context,
      link,
      group,
      names: this.#names,
      committer,
      fetcher: new Fetcher(link.session, 'own'),
      deadlines: this.#deadlines,
      window: windowFor(this.#spec.prefetch),
      handOut: (delivery) => this.#handOut.add(delivery),
      assigned: (owner) => this.#emit({ type: 'shard-assigned', shard: owner.shard }),
      failed: lost,
    }
    const hasLater = hasOneRecipient(group.channel.kind) && group.channel.foreign === undefined
    const later = hasLater ? new LaterMover(this.memberId, group, this.#context, link, lost) : undefined
    return { member, committer, parts, later }
  }

  #take(shard: number, life: number): void {
    const attachment = this.#attachment
    if (attachment === undefined || this.#closing !== undefined) return
    const owner = new ShardOwner(shard, attachment.parts)
    this.#owners.set(shard, owner)
    owner.start().catch((error: unknown) => {
      if (this.#owners.get(shard) === owner) this.#lost(asError(error), life)
    })
  }

  async #letGo(shard: number, graceMs: number): Promise<void> {
    const owner = this.#owners.get(shard)
    if (owner === undefined) return
    const wasAssigned = owner.isAssigned
    this.#handOut.withdraw(owner)
    await owner.release(graceMs)
    if (this.#owners.get(shard) !== owner) return
    this.#owners.delete(shard)
    this.#handOut.drop(owner)
    if (wasAssigned) this.#emit({ type: 'shard-revoked', shard })
  }

  /** Forgets everything that a lost link, or the end, has made void. */
  #detach(): void {
    this.#life++
    this.#since = undefined
    if (this.#attachment !== undefined) end(this.#attachment)
    this.#attachment = undefined
    this.#deadlines.clear()
    for (const owner of this.#owners.values()) {
      const { isAssigned, shard } = owner
      owner.end()
      if (isAssigned) this.#emit({ type: 'shard-revoked', shard })
    }
    this.#owners.clear()
    this.#handOut.clear()
  }

  /** The coordinator no longer counts it, or a shard cannot go on; the link is well. */
  #lost(error: Error, life: number): void {
    if (life !== this.#life || this.#closing !== undefined) return
    // With the coordinator it stays a member, and takes its place again when it joins anew.
    this.#detach()
    this.#emit({ type: 'subscription-lost', error })
    this.#takeUp.begin()
  }

  #gone(): WaybillError {
    const { channel, name } = this.#spec.group
    return new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke while ${name} subscribed to ${channel.name}`)
  }

  #emit(
    event:
      | { readonly type: 'shard-assigned' | 'shard-revoked'; readonly shard: number }
      | { readonly type: 'subscription-lost'; readonly error: Error },
  ): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ ...event, channel: channel.name, group: name })
  }
}

function end({ member, committer, later, parts }: Attachment): void {
  member.end()
  committer.end()
  later?.end()
  parts.fetcher.end()
}
