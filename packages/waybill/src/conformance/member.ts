import { strict as assert } from 'node:assert'
import type { WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Channel } from '../transport/channel.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { TransportEvent } from '../transport/transport-event.ts'
import type {
  Group,
  GroupSnapshot,
  Outgoing,
  ReturnAddress,
  SendResult,
  StartPosition,
  SubscriptionSnapshot,
  Transport,
} from '../transport/transport.ts'
import { Inbox, type Decide } from './inbox.ts'
import { messageFor } from './message-of.ts'
import type { Patience } from './patience.ts'

export interface SubscribeOptions {
  /** What becomes of each delivery. Default `ack`. */
  readonly decide?: Decide
  /** Default 100. */
  readonly prefetch?: number
  readonly transient?: boolean
  readonly start?: StartPosition
  readonly shards?: readonly number[]
}

/** A connected transport, as one process of a system would have it. Each operation is awaited with a bound. */
export class Member {
  readonly transport: Transport
  readonly facts: EngineFacts
  /** What it has reported, oldest first. */
  readonly events: TransportEvent[] = []
  readonly #patience: Patience
  readonly #runtime: Runtime

  constructor(transport: Transport, facts: EngineFacts, patience: Patience, runtime: Runtime) {
    this.transport = transport
    this.facts = facts
    this.#patience = patience
    this.#runtime = runtime
    transport.onEvent((event) => void this.events.push(event))
  }

  async declare(...groups: readonly Group[]): Promise<void> {
    const channels = [...new Set(groups.map((group) => group.channel))]
    await this.#patience.within('declare()', this.transport.declare({ channels, groups }))
  }

  async declareChannels(...channels: readonly Channel[]): Promise<void> {
    await this.#patience.within('declare()', this.transport.declare({ channels, groups: [] }))
  }

  /** Sends one message for each text, and insists that each is accepted. */
  async send(channel: Channel, ...texts: readonly string[]): Promise<void> {
    await this.sendMessages(channel, ...texts.map((each) => messageFor(channel, this.#runtime, each)))
  }

  /** Sends one message of `key` for each text. */
  async sendKeyed(channel: Channel, key: string, ...texts: readonly string[]): Promise<void> {
    await this.sendMessages(channel, ...texts.map((each) => messageFor(channel, this.#runtime, each, { key })))
  }

  async sendMessages(to: Channel | ReturnAddress, ...messages: readonly WireMessage[]): Promise<void> {
    accepted(await this.offer(messages.map((message) => ({ message, to }))))
  }

  /** Hands over a batch and answers whatever the engine said of each entry. */
  async offer(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    return await this.#patience.within(`send() of ${batch.length} messages`, this.transport.send(batch))
  }

  async subscribe(group: Group, options: SubscribeOptions = {}): Promise<Inbox> {
    const inbox = new Inbox(group.name, options.decide ?? (() => 'ack'), this.#patience, () => this.#runtime.now())
    const spec = { group, transient: options.transient ?? false, prefetch: options.prefetch ?? 100 }
    const { start, shards } = options
    const from = { ...(start === undefined ? {} : { start }), ...(shards === undefined ? {} : { shards }) }
    const subscribing = this.transport.subscribe({ ...spec, ...from }, inbox.receive)
    inbox.attach(await this.#patience.within(`subscribe() to group ${group.name}`, subscribing))
    return inbox
  }

  /** What the engine says of the group; all zero where it does not know it. */
  async inspect(group: Group): Promise<GroupSnapshot> {
    const snapshot = await this.#patience.within('inspect()', this.transport.inspect())
    const found = snapshot.groups.find((each) => each.channel === group.channel.name && each.group === group.name)
    return found ?? { channel: group.channel.name, group: group.name, depth: 0, consumers: 0, deadLetters: 0 }
  }

  /** Waits until the engine's figures are as wanted. */
  async sees(group: Group, wanted: Partial<GroupSnapshot>): Promise<void> {
    let last: GroupSnapshot | undefined
    await this.#patience.until(
      () => `inspect() of group ${group.name} to say ${JSON.stringify(wanted)}; it said ${JSON.stringify(last)}`,
      async () => {
        const now = (last = await this.inspect(group))
        return Object.entries(wanted).every(([name, value]) => now[name as keyof GroupSnapshot] === value)
      },
    )
  }

  /** How the engine sees this member's subscription; `undefined` where it is not told, as while the link is down. */
  async standing({ channel, name }: Group): Promise<SubscriptionSnapshot | undefined> {
    const snapshot = await this.#patience.within('inspect()', this.transport.inspect()).catch(() => undefined)
    return snapshot?.subscriptions.find((each) => each.channel === channel.name && each.group === name)
  }

  /** Waits until the engine counts this member's subscription as attached. */
  async attached(group: Group): Promise<SubscriptionSnapshot> {
    return await this.stands(group, 'attached', (standing) => standing?.attached === true)
  }

  /** Waits until this member's subscription stands as wanted. */
  async stands(
    group: Group,
    what: string,
    wanted: (standing: SubscriptionSnapshot | undefined) => boolean,
  ): Promise<SubscriptionSnapshot> {
    let last: SubscriptionSnapshot | undefined
    await this.#patience.until(
      () => `the subscription of ${group.name} to be ${what}; inspect() said ${JSON.stringify(last)}`,
      async () => wanted((last = await this.standing(group))),
    )
    return last ?? { channel: group.channel.name, group: group.name, attached: false, since: undefined, lag: 0 }
  }

  /** Waits for an event of this type, other than the first `skip` of them. */
  async reported<Type extends TransportEvent['type']>(
    type: Type,
    skip = 0,
  ): Promise<Extract<TransportEvent, { readonly type: Type }>> {
    const found = (): TransportEvent | undefined => this.events.filter((event) => event.type === type)[skip]
    await this.#patience.until(
      () => `event ${type}; there were: ${this.events.map((event) => event.type).join(' ') || 'none'}`,
      () => found() !== undefined,
    )
    return found() as Extract<TransportEvent, { readonly type: Type }> // of the type it was looked for by
  }

  async close(deadlineMs = 0): Promise<void> {
    await this.#patience.within('close()', this.transport.close(deadlineMs))
  }
}

export function accepted(results: readonly SendResult[]): void {
  for (const [index, result] of results.entries())
    if (result.outcome !== 'accepted')
      assert.fail(`entry ${index} of ${results.length} was ${result.outcome}: ${result.error.message}`)
}
