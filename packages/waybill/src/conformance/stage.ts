import type { WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Channel, ChannelKind } from '../transport/channel.ts'
import type { Group, Transport } from '../transport/transport.ts'
import { impossible, type ConformanceOptions, type FaultName, type Faults, type TransportUnderTest } from './harness.ts'
import { Member } from './member.ts'
import { messageFor } from './message-of.ts'
import type { Patience } from './patience.ts'

type Action<Name extends FaultName> = Extract<Faults[Name], (...args: never[]) => unknown>

/** Where one clause plays: its members, its channels and groups under names of their own, and the clearing up. */
export class Stage {
  readonly runtime: Runtime
  readonly patience: Patience
  readonly #options: ConformanceOptions
  readonly #underTest: TransportUnderTest[] = []
  readonly #channels: Channel[] = []
  readonly #groups: Group[] = []
  readonly #run: string
  #count = 0

  constructor(options: ConformanceOptions, runtime: Runtime, patience: Patience) {
    this.#options = options
    this.runtime = runtime
    this.patience = patience
    // The tail of a UUID is its random part.
    this.#run = runtime.newId().slice(-10)
  }

  /** A transport that has not been connected. */
  async transport(): Promise<Transport> {
    const underTest = await this.patience.within('createTransport()', this.#options.createTransport())
    this.#underTest.push(underTest)
    return underTest.transport
  }

  async member(): Promise<Member> {
    const transport = await this.transport()
    const facts = await this.patience.within('connect()', transport.connect(new AbortController().signal))
    return new Member(transport, facts, this.patience, this.runtime)
  }

  members(count: number): Promise<readonly Member[]> {
    return Promise.all(Array.from({ length: count }, () => this.member()))
  }

  channel(kind: ChannelKind = 'events', shards = 1, more: Pick<Channel, 'retentionMs'> = {}): Channel {
    const channel: Channel = { kind, name: this.#name(kind), shards, ...more }
    this.#channels.push(channel)
    return channel
  }

  group(channel: Channel = this.channel(), options: Partial<Pick<Group, 'name' | 'types' | 'ordered'>> = {}): Group {
    const group: Group = { channel, name: options.name ?? this.#name('group'), ordered: false, ...options }
    this.#groups.push(group)
    return group
  }

  /** A channel of events that are kept for an hour, whether they were handled or not. */
  history(shards = 1): Channel {
    return this.channel('events', shards, { retentionMs: 3_600_000 })
  }

  /** An ordered group on a new channel of events. */
  orderedGroup(shards: number): Group {
    return this.group(this.channel('events', shards), { ordered: true })
  }

  message(channel: Channel, body: string, fields: Partial<WireMessage> = {}): WireMessage {
    return messageFor(channel, this.runtime, body, fields)
  }

  fault<Name extends FaultName>(name: Name): Action<Name> {
    const fault: Faults[FaultName] = this.#options.faults[name]
    if (typeof fault !== 'function') throw new Error(`the harness cannot ${name}: ${impossible(fault)}`)
    return fault as Action<Name> // the entry of that name
  }

  /** The name of a new queue that an ordinary client has made. */
  async foreignQueue(): Promise<string> {
    const make = this.#options.makeForeignQueue
    if (typeof make !== 'function') throw new Error(`no foreign queue can be made: ${make.cannot}`)
    return await this.patience.within('a foreign queue', make())
  }

  /** What lies in the group's dead-letter queue. */
  async deadLetters(group: Group): Promise<readonly WireMessage[]> {
    const read = this.#options.readDeadLetters
    if (typeof read !== 'function') throw new Error(`dead letters cannot be read: ${read.cannot}`)
    return await this.patience.within(`dead letters of ${group.name}`, read(group))
  }

  async dispose(): Promise<void> {
    const closed = await Promise.allSettled(
      this.#underTest.map((each) => this.patience.within('dispose() of a transport', each.dispose())),
    )
    await this.#options.cleanUp?.({ channels: this.#channels, groups: this.#groups })
    for (const each of closed) if (each.status === 'rejected') throw each.reason
  }

  #name(what: string): string {
    return `conformance.${this.#run}.${what}${++this.#count}`
  }
}
