import { asError } from '../../message/as-error.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { checkPositions, positionOf } from './group-start.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { LocalDelivery } from '../../transport/lives-delivery.ts'
import { LocalQueue } from '../../transport/lives-queue.ts'
import { Looking } from './looking.ts'
import { historyOf } from './names.ts'
import { messageOf, type StoredMessage } from '../../message/stored-message.ts'
import type { Wire } from './wire.ts'

const MOST_ROWS = 500
/** A message is read once no transaction is left that could store one before it; that is soon over, and nobody tells. */
const LOOK_AGAIN_MS = 50

type Row = StoredMessage & { readonly id: string; readonly xact: string; readonly shard: number; readonly type: string }

interface Place {
  readonly xact: bigint
  readonly id: bigint
}

const BEGINNING: Place = { xact: 0n, id: 0n }

/**
 * A reader that begins in the past. It reads what is kept, in the order of the transactions that stored it; and nothing of a
 * transaction before all older ones have ended, so that what it has passed is complete. A long transaction that writes,
 * anywhere on the server, holds such readers back, and nobody else. It goes on where it was after its link was down.
 */
export class HistorySubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  readonly #begins: ReadonlyMap<number, Place>
  readonly #sinceMs: number
  #at: Place
  #looking: Looking | undefined
  #unlisten: (() => void) | undefined
  #since: number | undefined
  #isBegun = false
  #life = 0
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    const { group, start, shards } = spec
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#sinceMs = typeof start === 'object' && 'time' in start ? Math.ceil(start.time) : 0
    const positions = typeof start === 'object' && 'positions' in start ? Object.entries(start.positions) : []
    this.#begins = new Map(positions.map(([shard, position]) => [Number(shard), placeOf(position)]))
    const all = shards ?? Array.from({ length: group.channel.shards }, (_, n) => n)
    this.#at = all.map((shard) => this.#begins.get(shard) ?? BEGINNING).reduce((a, b) => (isBehind(a, b) ? b : a))
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => this.#looking?.soon(),
      rejected: () => undefined,
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** @throws {WaybillError} WAYBILL_POSITION_GONE */
  async start(): Promise<void> {
    const { declarer, runtime, settings, sql } = this.#context
    const { group, start } = this.#spec
    this.#detach()
    const life = ++this.#life
    const wire = this.#context.wire()
    const channelId = await declarer.channel(group.channel)
    if (!this.#isBegun) await checkPositions(wire, sql, channelId, group, start)
    this.#isBegun = true
    const looking = new Looking(runtime, settings.pollMs, () => this.#look(wire, channelId, life), (error) => this.#failed(error, wire)) // prettier-ignore
    const unlisten = await wire.listen(historyOf(settings.schema, channelId), () => {
      looking.soon()
      looking.within(LOOK_AGAIN_MS)
    })
    if (life !== this.#life) {
      unlisten()
      return void looking.end()
    }
    this.#looking = looking
    this.#unlisten = unlisten
    this.#since = runtime.now()
    looking.soon()
  }

  /** What it has handed out is in this process alone, whatever becomes of the link. */
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
    await this.#looking?.end()
    await this.#queue.idle.wait(deadlineMs)
    this.#detach()
    this.#queue.reset()
    this.#onClosed()
  }

  #detach(): void {
    this.#life++
    this.#since = undefined
    void this.#looking?.end()
    this.#looking = undefined
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  #failed(thrown: unknown, wire: Wire): void {
    if (this.#closing !== undefined || wire.isEnded) return
    this.#detach()
    this.#lost(asError(thrown))
    this.#takeUp.begin()
  }

  #lost(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
  }

  async #look(wire: Wire, channelId: number, life: number): Promise<void> {
    const room = Math.min(this.#queue.room, MOST_ROWS)
    if (room <= 0) return
    const { group, shards } = this.#spec
    const { xact, id } = this.#at
    const values = [channelId, String(xact), String(id), room, shards ?? null, this.#sinceMs]
    const rows = await wire.consume.run<Row>(this.#context.sql.history, values)
    if (life !== this.#life) return
    for (const row of rows) {
      this.#at = { xact: BigInt(row.xact), id: BigInt(row.id) }
      const begin = this.#begins.get(row.shard)
      if (begin !== undefined && !isBehind(this.#at, begin)) continue
      if (group.types?.includes(row.type) === false) continue
      this.#queue.add(new LocalDelivery(messageOf(row), row.shard, this.#queue.life, positionOf(row.xact, row.id)))
    }
    if (rows.length > 0) this.#looking?.soon()
  }
}

function placeOf(position: string): Place {
  const [xact = '', id = ''] = position.split('.')
  return /^\d+$/.test(xact) && /^\d+$/.test(id) ? { xact: BigInt(xact), id: BigInt(id) } : BEGINNING
}

function isBehind(a: Place, b: Place): boolean {
  return a.xact === b.xact ? a.id > b.id : a.xact > b.xact
}
