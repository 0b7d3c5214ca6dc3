import { asError } from '../../message/as-error.ts'
import type { Group } from '../../transport/transport.ts'
import { text, type Connection } from './connection.ts'
import type { Context } from './context.ts'
import { isGroupsAlone, shardsOf } from './names.ts'
import type { Place } from './redis-delivery.ts'

/** What one run of the script settles at most: the server does nothing else meanwhile. */
const MOST_ARGUMENTS = 2_048

/** What is to be said to the server of deliveries, a batch for each turn. Lives as long as one attachment. */
export class SettleQueue {
  readonly #context: Context
  readonly #connection: Connection
  readonly #failed: (error: Error) => void
  readonly #base: string
  readonly #head: readonly (string | number)[]
  #args: (string | Buffer | number)[] = []
  /** By id, whom to tell that it is not passed by after all. */
  #passing = new Map<string, () => void>()
  #scheduled = false
  #onItsWay: Promise<unknown> = Promise.resolve()

  /** @param failed the server has not taken a batch: what it was about is still unsettled there */
  constructor(context: Context, connection: Connection, group: Group, failed: (error: Error) => void) {
    const { channel, name } = group
    this.#context = context
    this.#connection = connection
    this.#failed = failed
    this.#base = context.names.base(channel)
    this.#head = [name, shardsOf(channel), channel.foreign ?? '', isGroupsAlone(channel) ? 1 : 0]
  }

  /** Done with unseen, unless a newer member has asked for the type since: then it calls `wanted`. */
  passBy(place: Place, type: string, wanted: () => void): void {
    this.#passing.set(place.id, wanted)
    this.add('p', place, type)
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
    const [args, passing] = [this.#args, this.#passing]
    this.#args = []
    this.#passing = new Map()
    this.#onItsWay = Promise.all([this.#onItsWay, this.#settle(args, passing)])
  }

  async #settle(args: readonly (string | Buffer | number)[], passing: ReadonlyMap<string, () => void>): Promise<void> {
    try {
      const [, ...wanted] = await this.#connection.run('settle', this.#base, [...this.#head, ...args])
      for (const id of wanted) passing.get(text(id))?.()
    } catch (error) {
      this.#failed(asError(error))
    }
  }
}
