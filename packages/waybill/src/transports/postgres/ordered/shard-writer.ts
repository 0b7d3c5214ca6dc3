import type { Runtime } from '../../../runtime/runtime.ts'
import type { Statements } from '../sql/statements.ts'
import type { Wire } from '../wire.ts'

/** A row as it shall lie in the lane. */
export interface LaneWrite {
  readonly id: number
  readonly lane: number
  readonly due: number
  readonly head: string
  readonly done: () => void
}

export interface Counting {
  readonly id: number
  /** How often it was counted, this time included. */
  readonly done: (count: number) => void
}

export interface Burying {
  readonly id: number
  readonly head: string
  readonly done: () => void
}

export interface WriterEvents {
  /** These rows are gone. */
  gone(ids: readonly number[]): void
  /** The server refuses, or this is not the owner any more. */
  failed(error: unknown): void
}

/**
 * Writes what the owner of a shard decides, that of a turn together, each statement with the owner's token: once another member
 * has the shard, nothing of it takes effect.
 */
export class ShardWriter {
  readonly #wire: Wire
  readonly #sql: Statements
  readonly #runtime: Runtime
  readonly #owned: readonly [groupId: number, shard: number, token: number]
  readonly #events: WriterEvents
  #counts: Counting[] = []
  #acks: number[] = []
  #lanes: LaneWrite[] = []
  #burials: Burying[] = []
  #running: Promise<void> | undefined
  #ended = false

  constructor(
    wire: Wire,
    sql: Statements,
    runtime: Runtime,
    owned: readonly [groupId: number, shard: number, token: number],
    events: WriterEvents,
  ) {
    this.#wire = wire
    this.#sql = sql
    this.#runtime = runtime
    this.#owned = owned
    this.#events = events
  }

  ack(id: number): void {
    this.#acks.push(id)
    this.#begin()
  }

  count(counting: Counting): void {
    this.#counts.push(counting)
    this.#begin()
  }

  lane(write: LaneWrite): void {
    this.#lanes.push(write)
    this.#begin()
  }

  bury(burial: Burying): void {
    this.#burials.push(burial)
    this.#begin()
  }

  /** Resolves when all is written, or the link is gone. */
  async written(): Promise<void> {
    await this.#running
  }

  end(): void {
    this.#ended = true
  }

  #begin(): void {
    if (!this.#ended) this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    const release = this.#runtime.hold('settling a shard')
    try {
      await new Promise<void>((resolve) => this.#runtime.defer(resolve))
      while (!this.#ended && this.#acks.length + this.#lanes.length + this.#burials.length + this.#counts.length > 0) {
        await this.#count()
        await this.#write()
      }
    } catch (error) {
      if (!this.#ended) this.#events.failed(error)
    } finally {
      this.#running = undefined
      release()
    }
  }

  async #count(): Promise<void> {
    const counts = this.#counts
    this.#counts = []
    if (counts.length === 0) return
    const values = [...this.#owned, counts.map(({ id }) => id)]
    const rows = await this.#wire.consume.run<{ id: string; count: number }>(this.#sql.shardCount, values)
    const counted = new Map(rows.map(({ id, count }) => [Number(id), count]))
    for (const { id, done } of counts) {
      const count = counted.get(id)
      if (count === undefined) throw this.#lost()
      if (!this.#ended) done(count)
    }
  }

  async #write(): Promise<void> {
    const [acks, lanes, burials] = [this.#acks, this.#lanes, this.#burials]
    this.#acks = []
    this.#lanes = []
    this.#burials = []
    const { consume } = this.#wire
    if (acks.length > 0) {
      await consume.run(this.#sql.shardAck, [...this.#owned, acks])
      if (!this.#ended) this.#events.gone(acks)
    }
    if (burials.length > 0) {
      await consume.run(this.#sql.shardBury, [
        ...this.#owned,
        burials.map(({ id }) => id),
        burials.map(({ head }) => head),
      ])
      for (const { done } of burials) if (!this.#ended) done()
    }
    if (lanes.length === 0) return
    const columns = [lanes.map(({ id }) => id), lanes.map(({ lane }) => lane), lanes.map(({ due }) => due), lanes.map(({ head }) => head)] // prettier-ignore
    const kept = await consume.run(this.#sql.shardLane, [...this.#owned, ...columns])
    if (kept.length < lanes.length) throw this.#lost()
    for (const { done } of lanes) if (!this.#ended) done()
  }

  #lost(): Error {
    return new Error(`shard ${this.#owned[1]} is another member's by now`)
  }
}
