import { asError } from '../../message/as-error.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { positionOf } from './group-start.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { LocalDelivery } from '../../transport/lives-delivery.ts'
import { LocalQueue } from '../../transport/lives-queue.ts'
import { Looking } from './looking.ts'
import { LowWater } from './low-water.ts'
import { messagesOf } from './names.ts'
import { shardOfMessage } from './queue-delivery.ts'
import { messageOf, type StoredMessage } from '../../message/stored-message.ts'
import type { Wire } from './wire.ts'

/** Taken out by one statement. */
const MOST_ROWS = 500
const LOOK_AGAIN_MS = 210

interface Attachment {
  readonly wire: Wire
  readonly groupId: number
  readonly member: number
  readonly looking: Looking
  readonly unlisten: () => void
}

/** Where it looks. */
interface Place {
  readonly wire: Wire
  readonly groupId: number
  readonly lowWater: LowWater
  readonly life: number
}

type Row = StoredMessage & { readonly id: string; readonly due: string; readonly xact: string | null }

/**
 * What is for this process alone: events from now on, or replies. It has a group of its own for each time that it is attached,
 * which goes with its lease; its messages are unlogged, and taken out when they are read.
 */
export class TransientSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  #attachment: Attachment | undefined
  /** Groups that the server may still have. */
  readonly #former = new Set<number>()
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
    const { kind, name } = spec.group.channel
    this.address = kind === 'reply' ? `reply:${name}:${context.runtime.newId()}` : undefined
    // What is rejected here is gone: a transient subscription leaves nothing behind, and its owner knows that it failed.
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => this.#attachment?.looking.soon(),
      rejected: () => undefined,
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when what is sent from now on reaches it. */
  async start(): Promise<void> {
    const { declarer, leases, runtime, settings, sql } = this.#context
    const { group, shards } = this.#spec
    this.#detach()
    const { life } = this.#queue
    const wire = this.#context.wire()
    const channelId = await declarer.channel(group.channel)
    if (this.#former.size > 0) await wire.control.run(sql.dropTransient, [[...this.#former]])
    this.#former.clear()
    const values = [channelId, group.name, group.types ?? null, shards ?? null, this.address ?? null, settings.leaseMs]
    const [row] = await wire.control.run<{ member: string; group_id: number }>(sql.addTransient, values)
    if (row === undefined) throw new Error('the server has answered without a row')
    this.#former.add(row.group_id)
    const place = { wire, groupId: row.group_id, lowWater: new LowWater(runtime.monotonic()), life }
    const failed = (error: unknown): void => this.#failed(error, life)
    const looking = new Looking(runtime, settings.pollMs, () => this.#look(place), failed)
    const member = Number(row.member)
    leases.keep(member, failed)
    const unlisten = await wire.listen(messagesOf(settings.schema, row.group_id), () => looking.soon())
    const attachment = { wire, groupId: row.group_id, member, looking, unlisten }
    if (life !== this.#queue.life) return this.#end(attachment)
    this.#attachment = attachment
    this.#since = runtime.now()
    looking.soon()
  }

  settle(batch: readonly Settlement[]): void {
    this.#queue.settle(batch)
  }

  flow(prefetch: number): void {
    this.#queue.flow(prefetch)
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
    this.#queue.shut()
    await this.#attachment?.looking.end()
    await this.#queue.idle.wait(deadlineMs)
    const wire = this.#attachment?.wire
    this.#detach()
    // Should the link go meanwhile, its group goes with its lease.
    const { sql } = this.#context
    await wire?.control.run(sql.dropTransient, [[...this.#former]]).catch(() => undefined)
    this.#onClosed()
  }

  #detach(): void {
    this.#since = undefined
    if (this.#attachment !== undefined) this.#end(this.#attachment)
    this.#attachment = undefined
    this.#queue.reset()
  }

  #end({ looking, unlisten, member }: Attachment): void {
    void looking.end()
    unlisten()
    this.#context.leases.forget(member)
  }

  #failed(thrown: unknown, life: number): void {
    const wire = this.#attachment?.wire
    if (life !== this.#queue.life || this.#closing !== undefined || wire === undefined || wire.isEnded) return
    this.#detach()
    this.#lost(asError(thrown))
    this.#takeUp.begin()
  }

  #lost(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  async #look({ wire, groupId, lowWater, life }: Place): Promise<void> {
    const { runtime, sql } = this.#context
    const room = Math.min(this.#queue.room, MOST_ROWS)
    if (room <= 0 || life !== this.#queue.life) return
    const began = runtime.monotonic()
    const isWaterDue = lowWater.isWaterDue(began)
    const rows = await wire.consume.run<Row>(sql.take, [
      groupId,
      room,
      isWaterDue ? lowWater.from(began) : lowWater.front,
    ])
    if (isWaterDue) lowWater.looked(began, runtime.monotonic())
    const { channel } = this.#spec.group
    for (const row of rows.toSorted((a, b) => Number(a.id) - Number(b.id))) {
      if (Number(row.due) === 0) lowWater.read(Number(row.id))
      const message = messageOf(row)
      const position = row.xact === null ? undefined : positionOf(row.xact, row.id)
      this.#queue.add(new LocalDelivery(message, shardOfMessage(channel, message), life, position))
    }
    if (rows.length > 0) return this.#attachment?.looking.soon()
    // What was committed behind the front is looked for soon, should nobody tell.
    if (!isWaterDue) this.#attachment?.looking.within(Math.max(lowWater.waterIn(began), LOOK_AGAIN_MS))
    const [next] = await wire.consume.run<{ due_in: string | null; lowest: string }>(sql.nextTransient, [
      groupId,
      lowWater.low,
    ])
    if (next === undefined) return
    lowWater.saw(Number(next.lowest), runtime.monotonic())
    if (next.due_in !== null) this.#attachment?.looking.within(Number(next.due_in))
  }
}
