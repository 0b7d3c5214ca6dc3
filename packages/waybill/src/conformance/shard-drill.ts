// Members of an ordered group come, stall, crash and leave under load. Each handler writes to an external log with its
// fencing token; who is stalled goes on writing when it wakes, as a process does that was stopped.
import type { Delivery, Group, Subscription } from '../transport/transport.ts'
import { FencedLog } from './fenced-log.ts'
import { Ledger } from './ledger.ts'
import type { Member } from './member.ts'
import { text } from './message-of.ts'
import { keysOf, spread } from './shards.ts'
import type { Stage } from './stage.ts'

const SHARDS = 12
const KEYS_PER_SHARD = 3
const PREFETCH = 24
/** A handler takes this long, and every key gets a message at this pace: nearly half of the time somebody is at work. */
const WORK_MS = 20
const PACE_MS = 100
/** What a move may cost beyond the drain, or the time after which the engine gives a member up. */
const ALLOWANCE_MS = 2_000
/** A former owner's write was refused; its message is somebody else's, or comes again. */
const REFUSED_RETRY_MS = 50

/** Shards that have another owner after one step of the drill. */
export interface Moves {
  readonly step: string
  readonly kind: 'graceful' | 'stall' | 'crash'
  readonly shards: number
  /** From the last write of the former owner (graceful), or the fault, to the first of the next: of the slowest shard. */
  readonly slowestMs: number
  readonly medianMs: number
  readonly boundMs: number
}

export interface ShardReport {
  readonly moves: readonly Moves[]
  readonly sent: number
  readonly taken: number
  readonly refused: number
  /** Each is a promise broken; none is as it should be. */
  readonly faults: readonly string[]
}

interface Worker {
  readonly name: string
  readonly member: Member
  subscription: Subscription | undefined
  /** While it is stopped, its handlers wait for this. */
  stopped: Promise<void> | undefined
  /** Handlers that wait for it. */
  held: number
}

/** 1 member, then 4, of which one stalls and one crashes, and one leaves: 2. */
export async function drillShards(stage: Stage): Promise<ShardReport> {
  const drill = new Drill(stage, await stage.member())
  return await drill.run()
}

class Drill {
  readonly #stage: Stage
  readonly #sender: Member
  readonly #group: Group
  readonly #log = new FencedLog()
  readonly #ledger = new Ledger()
  readonly #moves: Moves[] = []
  #workers: Worker[] = []
  #born = 0
  #going = true
  #sent = 0

  constructor(stage: Stage, sender: Member) {
    this.#stage = stage
    this.#sender = sender
    this.#group = stage.orderedGroup(SHARDS)
  }

  async run(): Promise<ShardReport> {
    const { patience } = this.#stage
    await this.#sender.declare(this.#group)
    await this.#join()
    await this.#spread()
    const load = this.#load()
    try {
      await this.#settled()
      await this.#step('1 to 4 members', 'graceful', async () => {
        await Promise.all([this.#join(), this.#join(), this.#join()])
      })
      const leaseMs = await this.#leaseMs()
      const stalled = this.#worker(1)
      let wake: () => void = () => undefined
      await this.#step('one of 4 stalls', 'stall', leaseMs, async () => {
        stalled.stopped = new Promise((resolve) => (wake = resolve))
        this.#workers = this.#workers.filter((each) => each !== stalled)
        // Idle at this moment, it would have nothing to write when it wakes.
        await patience.until('a handler of its at work', () => stalled.held > 0)
        await this.#stage.fault('stall')(stalled.member.transport)
      })
      // It writes on, with the tokens that it had, before its link says that it was given up.
      wake()
      stalled.stopped = undefined
      await patience.pause(2 * WORK_MS)
      await this.#step('it wakes, and comes back', 'graceful', async () => {
        await this.#stage.fault('heal')(stalled.member.transport)
        this.#workers.push(stalled)
      })
      const crashed = this.#worker(0)
      await this.#step('one of 4 crashes', 'crash', leaseMs, async () => {
        this.#workers = this.#workers.filter((each) => each !== crashed)
        await this.#stage.fault('crash')(crashed.member.transport)
      })
      const leaving = this.#worker(0)
      await this.#step('one of 3 leaves', 'graceful', async () => {
        this.#workers = this.#workers.filter((each) => each !== leaving)
        await leaving.member.close(10_000)
      })
    } finally {
      this.#going = false
      await load
    }
    await patience.times(2).until(
      () => `all to be handled; missing: ${this.#ledger.verdict().lost.slice(0, 20).join(' ')}`,
      () => this.#ledger.missing === 0,
    )
    const { lost, disorder } = this.#ledger.verdict()
    const { taken, refused, faults } = this.#log
    const late = this.#moves.filter(({ slowestMs, boundMs }) => slowestMs > boundMs)
    return {
      moves: this.#moves,
      sent: this.#sent,
      taken,
      refused,
      faults: [
        ...faults,
        ...lost.map((id) => `lost: ${id}`),
        ...disorder.map((found) => `out of order: ${found}`),
        ...late.map(({ step, slowestMs, boundMs }) => `${step}: a shard took ${slowestMs} ms, more than ${boundMs}`),
      ],
    }
  }

  async #step(step: string, kind: 'graceful', act: () => Promise<void>): Promise<void>
  async #step(step: string, kind: 'stall' | 'crash', leaseMs: number, act: () => Promise<void>): Promise<void>
  async #step(
    step: string,
    kind: Moves['kind'],
    lease: number | (() => Promise<void>),
    faulty?: () => Promise<void>,
  ): Promise<void> {
    const [act, costMs] = typeof lease === 'number' ? [faulty, lease] : [lease, WORK_MS + PACE_MS]
    const before = this.#log.changes.length
    const startedAt = this.#now()
    await act?.()
    await this.#spread()
    await this.#settled()
    const changes = this.#log.changes.slice(before)
    const times = changes
      .map(({ lastAt, firstAt }) => firstAt - (kind === 'graceful' ? lastAt : startedAt))
      .sort((a, b) => a - b)
    this.#moves.push({
      step,
      kind,
      shards: changes.length,
      slowestMs: Math.round(times.at(-1) ?? 0),
      medianMs: Math.round(times[times.length >> 1] ?? 0),
      boundMs: costMs + ALLOWANCE_MS,
    })
  }

  /** Until every shard has been written to by its owner of now. */
  async #settled(): Promise<void> {
    const { patience } = this.#stage
    const until = this.#sent + 2 * SHARDS * KEYS_PER_SHARD
    await patience.until('two rounds of messages', () => this.#sent >= until)
    const handled = this.#ledger.confirmed
    await patience.until('them to be handled', () => this.#log.taken >= handled - SHARDS * KEYS_PER_SHARD)
  }

  #spread(): Promise<void> {
    const members = this.#workers.map(({ member }) => member)
    return spread(this.#stage.patience, members, this.#group)
  }

  async #leaseMs(): Promise<number> {
    const { limits } = await this.#sender.transport.routeFacts(this.#group)
    return limits.redeliveredWithinMs?.value ?? 0
  }

  async #join(): Promise<void> {
    const worker: Worker = {
      name: `member${++this.#born}`,
      member: await this.#stage.member(),
      subscription: undefined,
      stopped: undefined,
      held: 0,
    }
    this.#workers.push(worker)
    worker.subscription = await this.#stage.patience.within(
      `${worker.name} to subscribe`,
      worker.member.transport.subscribe({ group: this.#group, transient: false, prefetch: PREFETCH }, (batch) => {
        for (const delivery of batch) void this.#handle(worker, delivery)
      }),
    )
  }

  async #handle(worker: Worker, delivery: Delivery): Promise<void> {
    await this.#stage.patience.pause(WORK_MS)
    worker.held += worker.stopped === undefined ? 0 : 1
    await worker.stopped
    if (this.#log.write(delivery.shard, worker.name, delivery.fencing, this.#now())) {
      this.#ledger.handled(text(delivery))
      worker.subscription?.settle([{ delivery, action: 'ack' }])
      return
    }
    const { attempt } = delivery.message
    const failure = { at: 0, attempt, group: this.#group.name, name: 'Fenced', message: 'another member wrote' }
    worker.subscription?.settle([
      { delivery, action: 'retry', afterMs: REFUSED_RETRY_MS, attempt: attempt + 1, failure },
    ])
  }

  async #load(): Promise<void> {
    const { channel } = this.#group
    const keys = keysOf(SHARDS, KEYS_PER_SHARD)
    let n = 0
    while (this.#going) {
      n++
      for (const key of keys) this.#ledger.sending(`${key}/${n}`, key)
      await this.#sender.sendMessages(
        channel,
        ...keys.map((key) => this.#stage.message(channel, `${key}/${n}`, { key })),
      )
      for (const key of keys) this.#ledger.sent(`${key}/${n}`, 'accepted')
      this.#sent += keys.length
      await this.#stage.patience.pause(PACE_MS)
    }
  }

  #worker(index: number): Worker {
    const worker = this.#workers[index]
    if (worker === undefined) throw new Error(`there is no member ${index}`)
    return worker
  }

  #now(): number {
    return this.#stage.runtime.monotonic()
  }
}
