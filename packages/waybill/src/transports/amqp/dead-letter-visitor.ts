// One visit to the dead-letter queue of a group.
//
//   count what is ready -> consume a window -> decide -> publish what changes, confirmed -> acknowledge -> ... -> close
//
// What is kept stays unacknowledged until the end, and closing returns it to its place. So the count of the beginning is
// the bound: what dies or is replaced meanwhile lies behind it.
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import { shardOf } from '../../message/shard.ts'
import type { DeadLetterDecision, DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import type { Group } from '../../transport/transport.ts'
import { Arrivals } from './arrivals.ts'
import type { AmqpConsumer, AmqpDelivery, Publication, PublishResult } from './engine.ts'
import type { SubscriptionContext } from './subscription-context.ts'
import { groupTopology, layoutsOf, type GroupTopology } from './topology.ts'

/**
 * Times at most that more deliveries are asked for although none was settled: each is a consumer more on RabbitMQ, and a
 * quorum queue takes what they hold back in their order, as long as they are few.
 */
const MOST_WINDOWS = 30
/** basic.qos carries 16 bits. */
const LARGEST_WINDOW = 65_535
/** Beyond so many, a visit that has seen a part does not take the rest into its hands for the sake of their order. */
const MOST_TURNED = 100_000
const TURNED_AT_ONCE = 1_000
/** What was kept is ready again within milliseconds of the end; a visit does not wait longer to see it. */
const RETURNED_WITHIN_MS = 2_000
const LOOK_EVERY_MS = 10
const KEEP: DeadLetterDecision = { action: 'keep' }

export class DeadLetterVisitor {
  readonly #group: Group
  readonly #visit: DeadLetterVisit
  readonly #context: SubscriptionContext
  readonly #topology: GroupTopology
  readonly #arrivals: Arrivals
  /** Letters that were ready when the visit began. */
  #total = 0
  #seen = 0
  /** Of those seen, what is not acknowledged. */
  #held = 0
  #acknowledged = 0
  #granted = 0
  #windows = 0

  constructor(group: Group, visit: DeadLetterVisit, context: SubscriptionContext) {
    this.#group = group
    this.#visit = visit
    this.#context = context
    this.#topology = groupTopology(group)
    this.#arrivals = new Arrivals(this.#topology.deadLetters, context.runtime)
  }

  /** The link is lost, or the transport closed: what is unsettled returns to the queue without our doing. */
  fail(error: Error): void {
    this.#arrivals.fail(error)
  }

  async run(): Promise<void> {
    const { engine, declarer } = this.#context
    const queue = this.#topology.deadLetters
    const found = await engine.checkQueue(queue)
    if (found === undefined)
      throw new WaybillError('WAYBILL_NOT_FOUND', `${this.#whose} has no dead-letter queue: ${queue} does not exist`)
    // Refused where the channel has other shards, or the group another order: a letter would return to the wrong queue.
    await declarer.declare({ exchanges: layoutsOf(this.#group), queues: [], bindings: [] })
    this.#total = found.messages
    if (this.#total === 0) return
    const { limit, batch } = this.#visit
    this.#granted = this.#nextWindow()
    const consumer = await engine.consume({ queue, prefetch: this.#granted, browses: true }, this.#arrivals)
    try {
      await this.#goThrough(consumer, Math.min(limit, this.#total), batch, (letters) => this.#visit.decide(letters))
    } finally {
      await this.#turn(consumer)
      await consumer.close()
      await this.#returned()
    }
  }

  async #goThrough(
    consumer: AmqpConsumer,
    until: number,
    batch: number,
    decide: (letters: readonly WireMessage[]) => Promise<readonly DeadLetterDecision[]>,
  ): Promise<void> {
    while (this.#seen < until) {
      if (this.#held === this.#granted) {
        this.#granted += this.#nextWindow()
        consumer.prefetch(this.#granted)
      }
      const most = Math.min(batch, this.#granted - this.#held, until - this.#seen)
      const letters = await this.#arrivals.take(most, () => this.#ready())
      if (letters.length === 0) return
      this.#seen += letters.length
      this.#held += letters.length
      const decisions = await decide(letters.map(({ message }) => message))
      await this.#carryOut(letters.slice(0, decisions.length), decisions, consumer)
      if (decisions.length < letters.length) return
    }
  }

  /**
   * A quorum queue puts what it takes back behind what it has taken back before: the first few would lie behind the others.
   * So the others are taken, too, and all of them go back in their order.
   */
  async #turn(consumer: AmqpConsumer): Promise<void> {
    if (!this.#context.engine.requeuesBehind || this.#total > MOST_TURNED) return
    const keep = (letters: readonly WireMessage[]) => Promise.resolve(letters.map(() => KEEP))
    // Without a link all of them go back by themselves, and their order is not in our hands.
    await this.#goThrough(consumer, this.#total, TURNED_AT_ONCE, keep).catch(() => undefined)
  }

  /** In front of the acknowledgements: stored before it leaves. */
  async #carryOut(
    letters: readonly AmqpDelivery[],
    decisions: readonly DeadLetterDecision[],
    consumer: AmqpConsumer,
  ): Promise<void> {
    const publications = decisions.map((decision) => this.#publication(decision))
    const wanted = publications.filter((each) => each !== undefined)
    const results = wanted.length === 0 ? [] : await this.#context.engine.publish(wanted)
    const done: number[] = []
    let error: Error | undefined
    let next = 0
    letters.forEach(({ tag }, n) => {
      const publication = publications[n]
      const failure = publication === undefined ? undefined : this.#failure(results[next++], publication)
      error ??= failure
      if (decisions[n]?.action !== 'keep' && failure === undefined) done.push(tag)
    })
    this.#arrivals.requireOpen()
    consumer.ack(done)
    this.#held -= done.length
    this.#acknowledged += done.length
    if (error !== undefined) throw error
  }

  #publication(decision: DeadLetterDecision): Publication | undefined {
    if (decision.action === 'keep' || decision.action === 'remove') return undefined
    const { action, message } = decision
    const routingKey = action === 'replace' ? this.#topology.deadLetters : this.#sourceOf(message)
    const persistent = action === 'replace' || !vanishesWhenExpired(message)
    return { exchange: '', routingKey, message, mandatory: true, persistent }
  }

  /** Of an ordered group: the queue of the key's shard, whose owner lets it wait for what its lane has of the key. */
  #sourceOf({ key }: WireMessage): string {
    const { sources } = this.#topology
    const shard = sources.length === 1 || key === undefined ? 0 : shardOf(key, sources.length)
    return sources[shard] as string // below their number
  }

  #failure(result: PublishResult | undefined, { routingKey, message }: Publication): Error | undefined {
    if (result?.outcome === 'accepted') return undefined
    const what = `dead letter ${message.id} of ${this.#whose}`
    if (result === undefined || result.outcome === 'unknown')
      return new WaybillError('WAYBILL_OUTCOME_UNKNOWN', `${what} may be in ${routingKey}; it is a dead letter still`, {
        cause: result?.error,
      })
    if (result.outcome === 'unroutable')
      return new WaybillError('WAYBILL_UNROUTABLE', `${what}: there is no queue ${routingKey}`)
    return new WaybillError('WAYBILL_REFUSED', `${what}: ${routingKey} does not take it`, { cause: result.error })
  }

  #nextWindow(): number {
    if (this.#windows === MOST_WINDOWS)
      throw new WaybillError(
        'WAYBILL_LIMIT',
        `a visit keeps ${MOST_WINDOWS * LARGEST_WINDOW} dead letters at most, and ${this.#whose} has more`,
      )
    const share = Math.ceil((this.#total - this.#seen) / (MOST_WINDOWS - this.#windows++))
    return Math.min(Math.max(this.#visit.batch, share), LARGEST_WINDOW)
  }

  async #ready(): Promise<number> {
    return (await this.#context.engine.checkQueue(this.#topology.deadLetters))?.messages ?? 0
  }

  /**
   * A quorum queue takes back what was held a moment after the channel has closed: who looks before that sees a part of the
   * letters, and puts them in front of the others. Another visit may hold some of them, so this has a bound; without a link
   * it is not for us to wait for.
   */
  async #returned(): Promise<void> {
    const { runtime } = this.#context
    const left = this.#total - this.#acknowledged
    const until = runtime.monotonic() + RETURNED_WITHIN_MS
    while (!this.#arrivals.hasFailed && runtime.monotonic() < until) {
      if ((await this.#ready().catch(() => left)) >= left) return
      await new Promise<void>((resolve) => void runtime.setTimer(LOOK_EVERY_MS, resolve))
    }
  }

  get #whose(): string {
    return `group ${this.#group.name} of channel ${this.#group.channel.name}`
  }
}
