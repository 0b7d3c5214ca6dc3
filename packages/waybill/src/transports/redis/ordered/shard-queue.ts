import { asError } from '../../../message/as-error.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { Group } from '../../../transport/transport.ts'
import { text, type Connection, type Reply } from '../connection.ts'
import type { Names } from '../names.ts'
import { isGroupsAlone } from '../names.ts'

type Argument = string | Buffer | number

/** What one run of the script takes at most: the server does nothing else meanwhile. */
const MOST_ARGUMENTS = 2_048

export interface ShardQueueEvents {
  /** The shard is another's by now: nothing of this batch, or a later one, counts. */
  fenced(): void
  /** The server has not taken a batch: nothing of it was done. */
  failed(error: Error): void
}

/** What one owner has to say of its shard: a batch for each turn, in order, each with its token. */
export class ShardQueue {
  readonly #runtime: Runtime
  readonly #connection: Connection
  readonly #events: ShardQueueEvents
  readonly #base: string
  readonly #head: readonly Argument[]
  #args: Argument[] = []
  #answers: ((answer: Reply) => void)[] = []
  #scheduled = false
  #onItsWay: Promise<unknown> = Promise.resolve()
  #ended = false

  constructor(
    { runtime, names }: { readonly runtime: Runtime; readonly names: Names },
    connection: Connection,
    group: Group,
    owned: { readonly shard: number; readonly fencing: number },
    events: ShardQueueEvents,
  ) {
    this.#runtime = runtime
    this.#connection = connection
    this.#events = events
    this.#base = names.base(group.channel)
    this.#head = [group.name, owned.shard, owned.fencing, isGroupsAlone(group.channel) ? 1 : 0]
  }

  /** @param args as `scripts/shard.ts` says */
  add(...args: readonly Argument[]): void {
    if (this.#ended) return
    this.#args.push(...args)
    if (this.#args.length >= MOST_ARGUMENTS) return this.#flush()
    if (this.#scheduled) return
    this.#scheduled = true
    this.#runtime.defer(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** As `add`, of what is answered. Not called after `end`. */
  ask(answered: (answer: Reply) => void, ...args: readonly Argument[]): void {
    if (this.#ended) return
    this.#answers.push(answered)
    this.add(...args)
  }

  /** Resolves when the server has answered all that was said. */
  async done(): Promise<void> {
    this.#flush()
    await this.#onItsWay
  }

  end(): void {
    this.#ended = true
    this.#args = []
    this.#answers = []
  }

  #flush(): void {
    if (this.#args.length === 0) return
    const [args, answers] = [this.#args, this.#answers]
    this.#args = []
    this.#answers = []
    this.#onItsWay = Promise.all([this.#onItsWay, this.#settle(args, answers)])
  }

  async #settle(args: readonly Argument[], answered: readonly ((answer: Reply) => void)[]): Promise<void> {
    try {
      const [outcome, ...answers] = await this.#connection.run('settleShard', this.#base, [...this.#head, ...args])
      if (this.#ended) return
      if (text(outcome) !== 'OK') return this.#events.fenced()
      for (const [n, answer] of answered.entries()) answer(answers[n] ?? null)
    } catch (error) {
      if (!this.#ended) this.#events.failed(asError(error))
    }
  }
}
