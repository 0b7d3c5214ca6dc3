import { asError } from '../../message/as-error.ts'
import type { Group } from '../../transport/transport.ts'
import { text, type Connection } from './connection.ts'
import type { Context } from './context.ts'
import { isGroupsAlone, shardsOf } from './names.ts'
import type { Place } from './redis-delivery.ts'

/** What one run of the script settles at most: the server does nothing else meanwhile. */
const MOST_ARGUMENTS = 2_048

export interface SettleEvents {
  /** Were to be passed by, and somebody has asked for them since. */
  wanted(ids: ReadonlySet<string>): void
  /** The server has not taken a batch: what it was about is still unsettled there. */
  failed(error: Error): void
}

/** What is to be said to the server of deliveries, a batch for each turn. Lives as long as one attachment. */
export class SettleQueue {
  readonly #context: Context
  readonly #connection: Connection
  readonly #events: SettleEvents
  readonly #base: string
  readonly #head: readonly (string | number)[]
  #args: (string | Buffer | number)[] = []
  #scheduled = false
  #onItsWay: Promise<unknown> = Promise.resolve()

  constructor(context: Context, connection: Connection, group: Group, events: SettleEvents) {
    const { channel, name } = group
    this.#context = context
    this.#connection = connection
    this.#events = events
    this.#base = context.names.base(channel)
    this.#head = [name, shardsOf(channel), channel.foreign ?? '', isGroupsAlone(channel) ? 1 : 0]
  }

  /** @param more as `scripts/group.ts` says */
  add(what: 'a' | 'p' | 'r' | 'd', { stream, id }: Place, ...more: readonly (string | Buffer | number)[]): void {
    this.#args.push(what, stream, id, ...more)
    if (this.#args.length >= MOST_ARGUMENTS) return this.#flush()
    if (this.#scheduled) return
    this.#scheduled = true
    this.#context.runtime.defer(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** Resolves when the server has answered all. */
  async done(): Promise<void> {
    this.#flush()
    await this.#onItsWay
  }

  #flush(): void {
    if (this.#args.length === 0) return
    const args = this.#args
    this.#args = []
    this.#onItsWay = Promise.all([this.#onItsWay, this.#settle(args)])
  }

  async #settle(args: readonly (string | Buffer | number)[]): Promise<void> {
    try {
      const [, ...wanted] = await this.#connection.run('settle', this.#base, [...this.#head, ...args])
      if (wanted.length > 0) this.#events.wanted(new Set(wanted.map(text)))
    } catch (error) {
      this.#events.failed(asError(error))
    }
  }
}
