// How the members of an ordered group know of each other. Each has an exclusive queue, which goes with its connection,
// bound to the group's fanout exchange. What they say, by message type:
//
//   waybill.member.hello     to all: I am here; each answers with `here`
//   waybill.member.here      to one: so am I
//   waybill.member.bye       to all: the member named has gone
//   waybill.member.ping      to one: nothing; what matters is whether the broker finds its queue
//   waybill.member.released  to all: the shard named is free
import { isWaybillError, WaybillError } from '../../../message/errors.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { Membership } from '../../../transport/ordered/membership.ts'
import type { Group } from '../../../transport/transport.ts'
import { standingOf } from '../attachment.ts'
import type { AmqpConsumer, AmqpDelivery, Publication } from '../engine.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import { memberQueue, membersExchange } from '../topology.ts'
import { controlMessage } from './lane-message.ts'

/** A member that died without a word is missed after this; at most two pings per member and interval. */
const PING_MS = 1_000

const MEMBER = 'waybill-member'
const SHARD = 'waybill-shard'

type Word = 'hello' | 'here' | 'bye' | 'ping' | 'released'

export interface MembersEvents {
  /** Somebody came or went. */
  changed(): void
  /** Another member let go of the shard. */
  released(shard: number): void
  /** Each interval, while there are others or something waits. */
  tick(): void
  failed(error: Error): void
}

export class GroupMembers {
  readonly #context: SubscriptionContext
  readonly #group: Group
  readonly #events: MembersEvents
  readonly #membership: Membership
  readonly #queue: string
  #consumer: AmqpConsumer | undefined
  #timer: Timer | undefined
  #round = 0
  #ended = false

  constructor(group: Group, context: SubscriptionContext, events: MembersEvents) {
    this.#context = context
    this.#group = group
    this.#events = events
    this.#membership = new Membership(context.runtime.newId())
    this.#queue = memberQueue(group, this.#membership.self)
  }

  get isAlone(): boolean {
    return this.#membership.members.length === 1
  }

  get shards(): readonly number[] {
    return this.#membership.shardsOf(this.#group.channel.shards)
  }

  /** Resolves when the others have been told. The group's exchange exists. */
  async join(): Promise<void> {
    const { engine, declarer } = this.#context
    await declarer.declare({
      exchanges: [],
      queues: [{ name: this.#queue, life: 'exclusive' }],
      bindings: [{ queue: this.#queue, exchange: membersExchange(this.#group), routingKey: '' }],
    })
    const consumer = await engine.consume(
      { queue: this.#queue, prefetch: 0, noAck: true },
      {
        deliver: (batch) => this.#hear(batch),
        cancelled: (error) => this.#events.failed(error),
      },
    )
    this.#consumer = consumer
    // Ended meanwhile, by a lost link: a member that said hello now would be given shards, and be deaf.
    if (this.#ended) return await this.close()
    await this.#say([this.#toAll('hello')])
    this.watch()
  }

  /** Keeps the interval going while there is something to watch. */
  watch(): void {
    if (this.#timer !== undefined || this.#ended) return
    this.#timer = this.#context.runtime.setTimer(PING_MS, () => {
      this.#timer = undefined
      void this.#ping()
      this.#events.tick()
      if (!this.isAlone) this.watch()
    })
  }

  async released(shard: number): Promise<void> {
    if (!this.isAlone) await this.#say([this.#toAll('released', { [SHARD]: String(shard) })])
  }

  /** Tells the others that this member goes; they stand in line for its shards at once. */
  async leave(): Promise<void> {
    await this.#say([this.#toAll('bye')])
  }

  /** Whether the broker counts the consumer of this member's queue. Rejects while the link is down. */
  async isCounted(): Promise<boolean> {
    return (await this.#consumer?.inspect())?.attached ?? false
  }

  /** Reports itself as failed where the broker has lost the consumer of its queue. */
  async check(): Promise<void> {
    if (this.#consumer === undefined) return
    const { attached } = await standingOf(this.#consumer, this.#context.runtime)
    if (attached || this.#ended) return
    this.#events.failed(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `${this.#queue} has lost its consumer`))
  }

  /** Ends the member's queue, too. */
  async close(): Promise<void> {
    this.end()
    await this.#consumer?.close()
    try {
      await this.#context.engine.deleteQueue(this.#queue)
    } catch (error) {
      // Without a link there is no such queue any more: it went with the connection.
      if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) throw error
    }
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  #hear(batch: readonly AmqpDelivery[]): void {
    if (this.#ended) return
    let changed = false
    const answers: Publication[] = []
    for (const { message } of batch) {
      const member = message.headers[MEMBER]
      if (member === undefined) continue
      const word = message.type.slice(PREFIX.length) as Word
      const own = member === this.#membership.self
      if (word === 'hello' && !own) {
        changed = this.#membership.add(member) || changed
        answers.push(this.#to(member, 'here'))
      } else if (word === 'here') changed = this.#membership.add(member) || changed
      else if (word === 'bye' && !own) changed = this.#membership.remove(member) || changed
      // Taken for gone, for instance while the broker was changing hands.
      else if (word === 'bye' && !this.#leftBySelf(message.headers)) answers.push(this.#toAll('hello'))
      else if (word === 'released' && !own) this.#events.released(Number(message.headers[SHARD]))
    }
    if (answers.length > 0) void this.#say(answers)
    if (changed) this.#changed()
  }

  #leftBySelf(headers: Readonly<Record<string, string>>): boolean {
    return headers[SAID_BY] === this.#membership.self
  }

  async #ping(): Promise<void> {
    const asked = this.#membership.toAsk(this.#round++)
    if (asked.length === 0) return
    const results = await this.#context.engine.publish(asked.map((member) => this.#to(member, 'ping')))
    if (this.#ended) return
    const gone = asked.filter((_, index) => results[index]?.outcome === 'unroutable')
    if (gone.length === 0) return
    // Each is removed, whatever became of those before it.
    const removed = gone.map((member) => this.#membership.remove(member))
    if (removed.includes(true)) this.#changed()
    await this.#say(gone.map((member) => this.#toAll('bye', { [MEMBER]: member })))
  }

  #changed(): void {
    this.#events.changed()
    this.watch()
  }

  /** What is not heard is made up for: by pings, by the next hello, by probing again. */
  async #say(publications: readonly Publication[]): Promise<void> {
    const release = this.#context.runtime.hold('telling the members of a group')
    try {
      await this.#context.engine.publish(publications)
    } finally {
      release()
    }
  }

  #toAll(word: Word, headers: Readonly<Record<string, string>> = {}): Publication {
    return this.#publication(membersExchange(this.#group), '', word, headers)
  }

  #to(member: string, word: Word): Publication {
    return this.#publication('', memberQueue(this.#group, member), word, {})
  }

  #publication(exchange: string, routingKey: string, word: Word, more: Readonly<Record<string, string>>): Publication {
    const { self } = this.#membership
    const message = controlMessage(
      PREFIX + word,
      { [MEMBER]: self, [SAID_BY]: self, ...more },
      this.#context.runtime.now(),
    )
    return { exchange, routingKey, message, mandatory: exchange === '', persistent: false }
  }
}

const PREFIX = 'waybill.member.'
const SAID_BY = 'waybill-said-by'
