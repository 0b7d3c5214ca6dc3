import { Deadlines } from '../../../runtime/deadlines.ts'
import { HandOut, windowFor } from '../../../transport/ordered/hand-out.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import type { LinkedSubscription } from '../../../transport/linked-subscription.ts'
import { membersOf, messagesOf } from '../names.ts'
import type { Wire } from '../wire.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardHoldings } from './shard-holdings.ts'
import type { ShardParts } from './shard-owner.ts'

/** Everything of one time that the subscription is attached. */
interface Attachment {
  readonly wire: Wire
  readonly groupId: number
  readonly member: number
  readonly parts: ShardParts
  readonly holdings: ShardHoldings
  readonly unlisten: (() => void)[]
}

/**
 * A member of an ordered group: takes its part of the shards, and hands out what their gates let through, at most `prefetch`
 * at a time over all of them.
 */
export class OrderedSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #handOut: HandOut<ShardItem>
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  #attachment: Attachment | undefined
  /** The member that the server may still know. */
  #former: number | undefined
  #life = 0
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#handOut = new HandOut(spec.prefetch, context.runtime, {
      receive,
      isHeld: () => this.#isHeld(),
      ownerOf: (shard) => this.#attachment?.holdings.ownerOf(shard),
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when this member is one of the group, and its start is laid down. */
  async start(): Promise<void> {
    const { declarer, leases, runtime, settings } = this.#context
    const { group, start } = this.#spec
    this.#end()
    const life = this.#life
    const wire = this.#context.wire()
    const groupId = await declarer.group(group, start)
    const former = this.#former
    const member = await leases.join(wire, groupId, former, (error) => this.#failed(error, life))
    this.#former = member
    const parts = this.#newParts(wire, groupId, life)
    const holdings = new ShardHoldings(parts, member, former, {
      revoked: (shard) => this.#emit({ type: 'shard-revoked', shard }),
      dropped: (owner) => this.#handOut.drop(owner),
      failed: (error) => this.#failed(error, life),
    })
    const unlisten = [
      await wire.listen(messagesOf(settings.schema, groupId), () => holdings.look()),
      await wire.listen(membersOf(settings.schema, groupId), () => holdings.changed()),
    ]
    const attachment = { wire, groupId, member, parts, holdings, unlisten }
    if (life !== this.#life) return this.#forget(attachment)
    this.#attachment = attachment
    this.#since = runtime.now()
    holdings.changed()
  }

  settle(batch: readonly Settlement[]): void {
    this.#handOut.settle(batch)
  }

  flow(prefetch: number): void {
    this.#handOut.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#takeUp.linkDown()
    this.#end()
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
    if (attachment !== undefined) {
      // A link that goes meanwhile ends the lease by itself.
      await attachment.holdings.close(deadlineMs).catch(() => undefined)
      if (attachment === this.#attachment)
        await this.#context.leases.leave(attachment.wire, attachment.groupId, attachment.member).catch(() => undefined)
    }
    this.#end()
    this.#onClosed()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): void {
    const attachment = this.#attachment
    this.#life++
    this.#since = undefined
    this.#attachment = undefined
    if (attachment !== undefined) this.#forget(attachment)
    this.#handOut.clear()
  }

  #forget({ holdings, parts, unlisten, member }: Attachment): void {
    holdings.end()
    parts.deadlines.clear()
    for (const each of unlisten) each()
    this.#context.leases.forget(member)
  }

  #failed(error: Error, life: number): void {
    const wire = this.#attachment?.wire
    if (life !== this.#life || this.#closing !== undefined || wire === undefined || wire.isEnded) return
    this.#end()
    this.#emit({ type: 'subscription-lost', error })
    this.#takeUp.begin()
  }

  /** What a member that no longer counts still has is another's by now. */
  #isHeld(): boolean {
    if (this.#context.leases.isHeld) return true
    this.#failed(new Error('the lease was not renewed in time'), this.#life)
    return false
  }

  #newParts(wire: Wire, groupId: number, life: number): ShardParts {
    return {
      context: this.#context,
      wire,
      group: this.#spec.group,
      groupId,
      deadlines: new Deadlines(this.#context.runtime),
      window: windowFor(this.#spec.prefetch),
      handOut: (delivery) => this.#handOut.add(delivery),
      leaving: (owner) => this.#handOut.withdraw(owner),
      assigned: (owner) => this.#emit({ type: 'shard-assigned', shard: owner.shard }),
      failed: (error) => this.#failed(error, life),
    }
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
