// A good transport over an engine that keeps history: the embedded broker, and beside it a list of all that was sent to
// channels with a retention. It exists so that the clauses on history can be seen to fail.
import { WaybillError } from '../../message/errors.ts'
import { shardOf } from '../../message/shard.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type {
  Delivery,
  Group,
  Outgoing,
  StartPosition,
  Subscription,
  SubscriptionSpec,
  Transport,
} from '../../transport/transport.ts'
import { tapped } from '../tapped-transport.ts'
import { HistoryReader, type Entry } from './history-reader.ts'

type Receive = (batch: readonly Delivery[]) => void

/** Where it can be made to go wrong. */
export interface HistoryFaults {
  readonly start?: (start: StartPosition) => StartPosition
  readonly ignoresShards?: boolean
  /** What it tells of an entry's place among those of its shard. */
  readonly position?: (index: number) => string | undefined
  /** A position that is not there begins at the earliest. */
  readonly resets?: boolean
  /** What was sent while the link was down is passed over. */
  readonly losesOutages?: boolean
  /** A group begins at its start each time. */
  readonly restartsGroups?: boolean
  /** What was read is forgotten. */
  readonly forgets?: boolean
}

/** What the members of one clause share: the entries of every channel, in the order in which they were accepted. */
export class HistoryModel {
  readonly #runtime: Runtime
  readonly #faults: HistoryFaults
  readonly #entries = new Map<string, Entry[]>()
  readonly #readers = new Set<HistoryReader>()
  readonly #begun = new Set<string>()

  constructor(runtime: Runtime, faults: HistoryFaults = {}) {
    this.#runtime = runtime
    this.#faults = faults
  }

  over(good: Transport): Transport {
    const own = new Set<HistoryReader>()
    good.onEvent(({ type }) => {
      if (type === 'disconnected') for (const reader of own) reader.unlinked()
      if (type === 'connected') for (const reader of own) reader.linked(this.#faults.losesOutages === true)
    })
    return {
      ...tapped(good, {
        facts: (facts) => ({
          ...facts,
          capabilities: { ...facts.capabilities, replay: 'native', startEarliest: 'native', startAtTime: 'native' },
        }),
        declare: ({ channels, groups }, declare) =>
          declare({ channels: channels.map(plain), groups: groups.map(plainGroup) }),
        send: async (batch, send) => {
          const results = await send(batch.map((each) => ({ ...each, to: target(each.to) })))
          batch.forEach((outgoing, at) => results[at]?.outcome === 'accepted' && this.#keep(outgoing))
          return results
        },
      }),
      subscribe: async (spec, receive) => {
        const { start = 'now', shards, ...rest } = spec
        const past = this.#faults.start?.(start) ?? start
        const asked: SubscriptionSpec = { ...rest, group: plainGroup(spec.group) }
        if (spec.transient && (start !== 'now' || shards !== undefined)) return this.#read(spec, past, receive, own)
        if (start === 'now') return await good.subscribe(asked, receive)
        return await this.#begin(good, asked, past, receive)
      },
    }
  }

  #keep({ message, to }: Outgoing): void {
    if (to.kind === 'address' || to.retentionMs === undefined) return
    const shard = message.key === undefined ? 0 : shardOf(message.key, to.shards)
    const entries = this.#of(to)
    const index = entries.filter(({ delivery }) => delivery.shard === shard).length
    const { position: tell = String } = this.#faults
    const position = tell(index)
    const delivery = {
      message,
      redelivered: false,
      deliveryCount: 1,
      shard,
      ...(position === undefined ? {} : { position }),
    }
    const entry: Entry = { delivery, index, at: this.#runtime.now() }
    entries.push(entry)
    for (const reader of this.#readers) if (reader.channel === to.name) reader.take(entry)
  }

  #read(spec: SubscriptionSpec, start: StartPosition, receive: Receive, own: Set<HistoryReader>): Subscription {
    const { channel } = spec.group
    const shards = this.#faults.ignoresShards === true ? undefined : spec.shards
    const reader = new HistoryReader(channel.name, shards, receive)
    const from = this.#since(channel, start)
    if (this.#faults.forgets === true) this.#entries.delete(channel.name)
    for (const entry of from) reader.take(entry)
    this.#readers.add(reader)
    own.add(reader)
    return {
      address: undefined,
      settle: () => {},
      flow: () => {},
      close: () => {
        this.#readers.delete(reader)
        own.delete(reader)
        return Promise.resolve()
      },
    }
  }

  /** A group is handed what came before it, and then by the good transport what comes. */
  async #begin(good: Transport, spec: SubscriptionSpec, start: StartPosition, receive: Receive): Promise<Subscription> {
    const { channel, name } = spec.group
    const isNew = this.#faults.restartsGroups === true || !this.#begun.has(`${channel.name}:${name}`)
    this.#begun.add(`${channel.name}:${name}`)
    const entries = isNew ? this.#since(channel, start) : []
    const ours = new Set(entries.map(({ delivery }) => delivery))
    const subscription = await good.subscribe(spec, receive)
    if (ours.size > 0) receive([...ours])
    return {
      ...subscription,
      settle: (batch) => subscription.settle(batch.filter(({ delivery }) => !ours.has(delivery))),
      flow: (prefetch) => subscription.flow(prefetch),
      close: (deadlineMs) => subscription.close(deadlineMs),
    }
  }

  #since(channel: Channel, start: StartPosition): readonly Entry[] {
    const entries = this.#of(channel)
    if (start === 'now') return []
    if (start === 'earliest') return [...entries]
    if ('time' in start) return entries.filter(({ at }) => at >= start.time)
    for (const [shard, position] of Object.entries(start.positions)) {
      const known = entries.some(({ delivery }) => delivery.shard === Number(shard) && delivery.position === position)
      if (!known && this.#faults.resets !== true)
        throw new WaybillError('WAYBILL_POSITION_GONE', `${channel.name} has no position ${position} in shard ${shard}`)
    }
    return entries.filter(({ delivery: { shard }, index }) => index > Number(start.positions[shard] ?? -1))
  }

  #of({ name }: Channel): Entry[] {
    const entries = this.#entries.get(name) ?? []
    this.#entries.set(name, entries)
    return entries
  }
}

function plain({ kind, name, shards, foreign }: Channel): Channel {
  return { kind, name, shards, ...(foreign === undefined ? {} : { foreign }) }
}

function plainGroup(group: Group): Group {
  return { ...group, channel: plain(group.channel) }
}

function target(to: Outgoing['to']): Outgoing['to'] {
  return to.kind === 'address' ? to : plain(to)
}
