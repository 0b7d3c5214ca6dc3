import { asError } from '../../../message/as-error.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import type { Group } from '../../../transport/transport.ts'
import { text, type Connection, type Reply } from '../connection.ts'
import type { Context } from '../context.ts'
import type { ShardOwner } from './shard-owner.ts'

/** A timer is not set for longer: a member that lives looks then. */
const LONGEST_TIMER_MS = 3_600_000

export interface FetcherEvents {
  owners(): Iterable<ShardOwner>
  /** Somebody has come or gone, or let a shard go. */
  nudged(): void
  fenced(owner: ShardOwner): void
  /** The group is not what it was. */
  failed(error: Error): void
}

type Entries = readonly (readonly [id: Reply, fields: Reply])[]

/** Fetches for all shards of one member what they have room for, in one script. Lives as long as one attachment. */
export class ShardFetcher {
  readonly #context: Context
  readonly #connection: Connection
  readonly #group: Group
  readonly #events: FetcherEvents
  readonly #base: string
  readonly #bell: string
  /** The channel's bell: heard up to here. */
  #heard = '0-0'
  #fetching = false
  #again = false
  #due: Timer | undefined
  #ended = false

  constructor(context: Context, connection: Connection, group: Group, events: FetcherEvents) {
    this.#context = context
    this.#connection = connection
    this.#group = group
    this.#events = events
    this.#base = context.names.base(group.channel)
    this.#bell = context.names.bell(group.channel)
  }

  /** Looks whether there is anything for shards with room. */
  fetch(): void {
    if (this.#ended) return
    this.#again = true
    if (this.#fetching) return
    this.#fetching = true
    // Rooms that become free in one turn are asked for at once.
    this.#context.runtime.defer(() => void this.#run())
  }

  dueIn(ms: number): void {
    this.#due?.cancel()
    if (this.#ended) return
    this.#due = this.#context.runtime.setTimer(Math.min(LONGEST_TIMER_MS, ms), () => this.fetch())
  }

  end(): void {
    this.#ended = true
    this.#due?.cancel()
    this.#context.bell.unwatch(this)
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#ended) {
        this.#again = false
        await this.#fetch()
      }
    } catch (error) {
      // A link that is down says so itself.
      if (!this.#ended && !this.#connection.isClosed) this.#events.failed(asError(error))
    } finally {
      this.#fetching = false
    }
  }

  async #fetch(): Promise<void> {
    const hungry = [...this.#events.owners()].filter((owner) => owner.room > 0)
    const wanted = hungry.flatMap((owner) => [owner.shard, owner.fencing, owner.room, owner.againTo])
    const [outcome, due, ...answers] = await this.#connection.run('fetchShards', this.#base, [
      this.#group.name,
      ...wanted,
    ])
    if (this.#ended) return
    if (text(outcome) !== 'OK') throw new Error(text(due))
    if (text(due) !== '') this.dueIn(Number(text(due)))
    const ends = new Map([[this.#bell, this.#heard]])
    for (const [n, owner] of hungry.entries()) {
      const [entries, end, again] = answers.slice(3 * n)
      if (Buffer.isBuffer(entries)) {
        this.#events.fenced(owner)
        continue
      }
      owner.take(entries as Entries, again as Entries)
      if (text(end) === '') {
        this.#again = true
        continue
      }
      ends.set(this.#context.names.stream(this.#group.channel, owner.shard), text(end))
      ends.set(this.#context.names.again(this.#group, owner.shard), owner.againTo)
    }
    if (!this.#again && !this.#ended) this.#watch(ends)
  }

  #watch(ends: ReadonlyMap<string, string>): void {
    this.#context.bell.watch(this, ends, (stream, id) => {
      if (stream === this.#bell) {
        this.#heard = id
        this.#events.nudged()
      }
      this.fetch()
    })
  }
}
