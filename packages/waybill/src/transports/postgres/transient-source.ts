import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import { messageOf, type StoredMessage } from '../../message/stored-message.ts'
import type { Context } from './context.ts'
import { positionOf } from './group-start.ts'
import { Looking } from './looking.ts'
import { LowWater } from './low-water.ts'
import { messagesOf } from './names.ts'
import { shardOfMessage } from './queue-delivery.ts'
import type { Wire } from './wire.ts'

/** Taken out by one statement. */
const MOST_ROWS = 500
const LOOK_AGAIN_MS = 210

type Row = StoredMessage & { readonly id: string; readonly due: string; readonly xact: string | null }

/**
 * What is for this process alone: events from now on, or replies. It has a group of its own for each time that it is attached,
 * which goes with its lease; its messages are unlogged, and taken out when they are read.
 */
export class TransientSource implements LocalSource {
  readonly address: string | undefined
  readonly hasGaps: boolean = true
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  /** Groups that the server may still have. */
  readonly #groups = new Set<number>()

  constructor(spec: SubscriptionSpec, context: Context) {
    const { kind, name } = spec.group.channel
    this.#spec = spec
    this.#context = context
    this.address = kind === 'reply' ? `reply:${name}:${context.runtime.newId()}` : undefined
  }

  attachment(intake: Intake): LocalAttachment {
    return new TransientAttachment(this.#spec, this.address, this.#context, this.#groups, intake)
  }
}

class TransientAttachment implements LocalAttachment {
  readonly #spec: SubscriptionSpec
  readonly #address: string | undefined
  readonly #context: Context
  readonly #groups: Set<number>
  readonly #intake: Intake
  readonly #wire: Wire
  readonly #lowWater: LowWater
  readonly #looking: Looking
  #groupId = 0
  #member: number | undefined
  #unlisten: (() => void) | undefined

  constructor(
    spec: SubscriptionSpec,
    address: string | undefined,
    context: Context,
    groups: Set<number>,
    intake: Intake,
  ) {
    const { runtime, settings } = context
    this.#spec = spec
    this.#address = address
    this.#context = context
    this.#groups = groups
    this.#intake = intake
    this.#wire = context.wire()
    this.#lowWater = new LowWater(runtime.monotonic())
    this.#looking = new Looking(runtime, settings.pollMs, () => this.#look(), (error) => this.#failed(error)) // prettier-ignore
  }

  /** Resolves when what is sent from now on reaches it. */
  async begin(): Promise<void> {
    const { declarer, leases, settings, sql } = this.#context
    const { group, shards } = this.#spec
    const { control } = this.#wire
    const channelId = await declarer.channel(group.channel)
    await this.#dropGroups()
    const values = [channelId, group.name, group.types ?? null, shards ?? null, this.#address ?? null, settings.leaseMs]
    const [row] = await control.run<{ member: string; group_id: number }>(sql.addTransient, values)
    if (row === undefined) throw new Error('the server has answered without a row')
    this.#groupId = row.group_id
    this.#groups.add(row.group_id)
    this.#member = Number(row.member)
    leases.keep(this.#member, (error) => this.#failed(error))
    this.#unlisten = await this.#wire.listen(messagesOf(settings.schema, row.group_id), () => this.#looking.soon())
  }

  freed(): void {
    this.#looking.soon()
  }

  /** Should the link go meanwhile, its group goes with its lease. */
  async leave(): Promise<void> {
    this.#forget()
    await this.#looking.end()
    await this.#dropGroups()
  }

  end(): void {
    void this.#looking.end()
    this.#unlisten?.()
    this.#forget()
  }

  #forget(): void {
    if (this.#member !== undefined) this.#context.leases.forget(this.#member)
  }

  async #dropGroups(): Promise<void> {
    const groups = [...this.#groups]
    if (groups.length > 0) await this.#wire.control.run(this.#context.sql.dropTransient, [groups])
    for (const group of groups) this.#groups.delete(group)
  }

  #failed(error: unknown): void {
    // A link that is down says so itself.
    if (!this.#wire.isEnded) this.#intake.lost(error)
  }

  async #look(): Promise<void> {
    const { runtime, sql } = this.#context
    const { consume } = this.#wire
    const lowWater = this.#lowWater
    const room = Math.min(this.#intake.room(), MOST_ROWS)
    if (room <= 0 || this.#unlisten === undefined) return
    const began = runtime.monotonic()
    const isWaterDue = lowWater.isWaterDue(began)
    const from = isWaterDue ? lowWater.from(began) : lowWater.front
    const rows = await consume.run<Row>(sql.take, [this.#groupId, room, from])
    if (isWaterDue) lowWater.looked(began, runtime.monotonic())
    const { channel } = this.#spec.group
    for (const row of rows.toSorted((a, b) => Number(a.id) - Number(b.id))) {
      if (Number(row.due) === 0) lowWater.read(Number(row.id))
      const message = messageOf(row)
      const position = row.xact === null ? undefined : positionOf(row.xact, row.id)
      this.#intake.add(message, shardOfMessage(channel, message), position)
    }
    if (rows.length > 0) return this.#looking.soon()
    // What was committed behind the front is looked for soon, should nobody tell.
    if (!isWaterDue) this.#looking.within(Math.max(lowWater.waterIn(began), LOOK_AGAIN_MS))
    const values = [this.#groupId, lowWater.low]
    const [next] = await consume.run<{ due_in: string | null; lowest: string }>(sql.nextTransient, values)
    if (next === undefined) return
    lowWater.saw(Number(next.lowest), runtime.monotonic())
    if (next.due_in !== null) this.#looking.within(Number(next.due_in))
  }
}
