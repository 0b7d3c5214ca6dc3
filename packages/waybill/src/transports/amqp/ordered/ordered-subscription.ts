import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type {
  Delivery,
  Settlement,
  Subscription,
  SubscriptionSnapshot,
  SubscriptionSpec,
} from '../../../transport/transport.ts'
import { HandOut, windowFor } from '../../../transport/ordered/hand-out.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import { Attachment } from '../attachment.ts'
import type { AmqpConsumer } from '../engine.ts'
import type { LinkedSubscription, SubscriptionContext } from '../subscription-context.ts'
import type { GroupTopology } from '../topology.ts'
import { ShardHoldings, type ShardEvent } from './shard-holdings.ts'
import type { ShardItem } from './shard-item.ts'

/**
 * The same for every member, where what returns to the queue lies behind what returned before: then an owner takes all that
 * those before it held, and whatever it leaves goes back in one order. With windows of different sizes a small one would leave
 * its messages behind those that a larger one had held.
 */
const SHARED_WINDOW = 256

/**
 * A member of an ordered group: takes its part of the shards, and hands out what their gates let through, at most
 * `prefetch` at a time over all of them. Each stay in the group is one `ShardHoldings`; a new one begins when the link is
 * there again, or the broker has thrown this member out.
 */
export class OrderedSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #topology: GroupTopology
  readonly #handOut: HandOut<ShardItem>
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #attachment: Attachment
  #held: ShardHoldings
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    topology: GroupTopology,
    context: SubscriptionContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#topology = topology
    this.#handOut = new HandOut(spec.prefetch, context.runtime, {
      receive,
      // The broker takes back what a member had that is gone, and fences what it still says.
      isHeld: () => true,
      ownerOf: (shard) => this.#held.ownerOf(shard),
    })
    this.#onClosed = onClosed
    this.#attachment = new Attachment(spec.group, context.runtime)
    this.#held = this.#newStay()
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  /** Resolves when this member stands in line for its shards. */
  async start(): Promise<void> {
    this.#held.end()
    const held = (this.#held = this.#newStay())
    await this.#context.declarer.declare(this.#topology)
    await held.join()
    if (held !== this.#held) throw this.#lost()
    await held.reconcile()
    if (held === this.#held && held.isWell) this.#attachment.begin()
  }

  settle(batch: readonly Settlement[]): void {
    this.#handOut.settle(batch)
  }

  flow(prefetch: number): void {
    this.#handOut.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#lose(error)
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  check(): Promise<void> {
    return this.#held.check()
  }

  async inspect(depth: number | undefined): Promise<SubscriptionSnapshot> {
    const isCounted = await this.#held.isCounted()
    // The broker counts what is ready: a window of what it has delivered waits here.
    return this.#attachment.snapshot(isCounted, depth === undefined ? undefined : depth + this.#held.messages)
  }

  get detached(): SubscriptionSnapshot {
    return this.#attachment.snapshot(false)
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    this.#handOut.end()
    const held = this.#held
    await held.leave(deadlineMs)
    this.#held.end()
    await held.close()
    this.#onClosed()
  }

  /** @returns consumers that are gone with the link, where that is what was lost */
  #lose(error: Error): readonly AmqpConsumer[] {
    this.#takeUp.linkDown()
    const left = this.#held.end()
    this.#held = this.#newStay()
    this.#emit({ type: 'subscription-lost', error })
    return left
  }

  /** The link is well and this member is out of the group: lets go of what it still holds, and joins again. */
  async #rejoin(held: ShardHoldings, error: Error): Promise<void> {
    const release = this.#context.runtime.hold('joining a group again')
    const left = this.#lose(error)
    const goodbyes = await Promise.allSettled([...left, held].map((each) => each.close()))
    release()
    for (const each of goodbyes) if (each.status === 'rejected') this.#report(each.reason)
    this.#takeUp.begin()
  }

  #newStay(): ShardHoldings {
    const { engine } = this.#context
    const held: ShardHoldings = new ShardHoldings({
      context: this.#context,
      group: this.#spec.group,
      topology: this.#topology,
      window: engine.requeuesBehind ? SHARED_WINDOW : windowFor(this.#spec.prefetch),
      handOut: this.#handOut,
      attachment: this.#attachment,
      emit: (event) => this.#emit(event),
      report: (error) => this.#report(error),
      failed: (error) => void this.#rejoin(held, error),
    })
    return held
  }

  #lost(): WaybillError {
    const { channel, name } = this.#spec.group
    return new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke while ${name} subscribed to ${channel.name}`)
  }

  #report(error: unknown): void {
    this.#context.emit({ type: 'error', error: asError(error) })
  }

  #emit(event: ShardEvent): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ ...event, channel: channel.name, group: name })
  }
}
