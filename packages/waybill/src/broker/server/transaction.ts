// Transactions of a channel (AMQP 0-9-1, section 1.4.6): publishes and settlements wait for tx.commit, or are given up by
// tx.rollback or the end of the channel. What is committed together goes to the disk together.
import type { Channel } from '../channel/channel.ts'
import type { ConfirmSink, Message, PublishOptions, PublishOutcome } from '../message.ts'
import type { VirtualHost } from '../virtual-host.ts'
import type { UncommittedBudget } from './uncommitted-budget.ts'

export interface Uncommitted {
  readonly message: Message
  readonly options: PublishOptions
  /** It is to be returned when no queue takes it. */
  readonly isMandatory: boolean
}

export type Settling = 'ack' | 'requeue' | 'reject'

/** What became of the publishes of a commit. */
export interface CommitSink {
  published(count: number): void
  unroutable(publish: Uncommitted): void
  /** All outcomes are known; `isWhole` unless a queue has refused its message. */
  committed(isWhole: boolean): void
}

/** What a channel has published and settled since it committed last. */
export class Transaction {
  readonly #virtualHost: VirtualHost
  readonly #channel: Channel
  readonly #budget: UncommittedBudget
  #publishes: Uncommitted[] = []
  #settlements: { readonly tags: readonly number[]; readonly how: Settling }[] = []
  /** The tags in `#settlements`. Until the commit they count as unsettled for everybody else. */
  readonly #settling = new Set<number>()

  constructor(virtualHost: VirtualHost, channel: Channel, budget: UncommittedBudget) {
    this.#virtualHost = virtualHost
    this.#channel = channel
    this.#budget = budget
  }

  /** How many publishes, and how many settled deliveries, wait for the commit. */
  get published(): number {
    return this.#publishes.length
  }

  get settled(): number {
    return this.#settling.size
  }

  /** @throws {ReplyError} what a publish throws at once, 406 when too much is uncommitted */
  publish(publish: Uncommitted): void {
    this.#virtualHost.requirePublishable(publish.message)
    this.#budget.take(publish.message)
    this.#publishes.push(publish)
  }

  /** Chooses deliveries as `Channel.ack` does. `false` for a tag that is not unsettled, or was settled in this transaction. */
  settle(tag: number, multiple: boolean, how: Settling): boolean {
    if (tag !== 0 && this.#settling.has(tag)) return false
    const tags = this.#channel.chosenBy(tag, multiple)?.filter((each) => !this.#settling.has(each))
    if (tags === undefined) return false
    for (const each of tags) this.#settling.add(each)
    this.#settlements.push({ tags, how })
    return true
  }

  /** basic.recover: returns everything to its queues but what this transaction settles. */
  recover(): void {
    const tags = this.#channel.chosenBy(0, true) ?? []
    for (const tag of tags) if (!this.#settling.has(tag)) this.#channel.requeue(tag)
  }

  /**
   * Publishes and settles, in this order, so that a crash repeats a message rather than loses it; the next transaction
   * begins.
   *
   * @throws {ReplyError} 404 or 403 when an exchange has gone or changed, before anything is published
   */
  commit(sink: CommitSink): void {
    const [publishes, settlements] = [this.#publishes, this.#settlements]
    for (const { message } of publishes) this.#virtualHost.requirePublishable(message)
    this.rollback()
    sink.published(publishes.length)
    const outcomes = new Outcomes(publishes, sink)
    publishes.forEach(({ message, options }, n) => this.#virtualHost.publish(message, options, outcomes, n))
    for (const { tags, how } of settlements) for (const tag of tags) this.#channel[how](tag)
    outcomes.allAreOut()
  }

  /** Forgets publishes, and takes settlements back; the next transaction begins. */
  rollback(): void {
    for (const { message } of this.#publishes) this.#budget.giveBack(message)
    this.#publishes = []
    this.#settlements = []
    this.#settling.clear()
  }
}

/** Waits until all publishes of a commit have an outcome. */
class Outcomes implements ConfirmSink {
  readonly #publishes: readonly Uncommitted[]
  readonly #sink: CommitSink
  /** One more than outcomes are missing, until all publishes are made. */
  #missing: number
  #isWhole = true

  constructor(publishes: readonly Uncommitted[], sink: CommitSink) {
    this.#publishes = publishes
    this.#sink = sink
    this.#missing = publishes.length + 1
  }

  confirmed(tag: number, outcome: PublishOutcome): void {
    const publish = this.#publishes[tag]
    if (outcome === 'unroutable' && publish !== undefined) this.#sink.unroutable(publish)
    if (outcome === 'refused') this.#isWhole = false
    this.allAreOut()
  }

  allAreOut(): void {
    if (--this.#missing === 0) this.#sink.committed(this.#isWhole)
  }
}
