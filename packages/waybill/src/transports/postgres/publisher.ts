import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { historyOf, messagesOf } from './names.ts'
import type { Notifier } from './notifier.ts'
import { publicationValues, type Publication } from './publication.ts'
import { isRefusal, statementError } from './postgres-errors.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/** Of one statement: more costs the server's memory, and gains nothing. */
const MOST_MESSAGES = 1_000
const MOST_BYTES = 8 * 2 ** 20

export type PublishResult =
  | { readonly outcome: 'accepted' }
  /** Nobody receives it. */
  | { readonly outcome: 'unrouted' }
  | { readonly outcome: 'refused' | 'unknown'; readonly error: Error }

interface Stored {
  readonly unrouted: readonly number[]
  /** Groups that have something new, and channels whose history has. */
  readonly groups: readonly number[]
  readonly kept: readonly number[]
}

interface Entry {
  readonly publication: Publication
  readonly answer: (result: PublishResult) => void
}

const ACCEPTED: PublishResult = { outcome: 'accepted' }
const UNROUTED: PublishResult = { outcome: 'unrouted' }

/** Stores messages in the order in which they are handed over, one statement at a time; those of the meantime are the next. */
export class Publisher {
  readonly #wire: Wire
  readonly #sql: Statements
  readonly #schema: string
  readonly #notifier: Notifier
  readonly #runtime: Runtime
  #queue: Entry[] = []
  #isRunning = false
  #ended: Error | undefined
  #waiters: (() => void)[] = []

  constructor(wire: Wire, sql: Statements, schema: string, notifier: Notifier, runtime: Runtime) {
    this.#wire = wire
    this.#sql = sql
    this.#schema = schema
    this.#notifier = notifier
    this.#runtime = runtime
  }

  publish(batch: readonly Publication[]): Promise<readonly PublishResult[]> {
    if (batch.length === 0) return Promise.resolve([])
    const results: PublishResult[] = Array.from(batch, () => ACCEPTED)
    const all = Promise.withResolvers<readonly PublishResult[]>()
    let left = batch.length
    for (const [n, publication] of batch.entries()) {
      const answer = (result: PublishResult): void => {
        results[n] = result
        if (--left === 0) all.resolve(results)
      }
      this.#queue.push({ publication, answer })
    }
    if (!this.#isRunning) {
      this.#isRunning = true
      this.#runtime.defer(() => void this.#run())
    }
    return all.promise
  }

  /** Resolves when everything has its answer. */
  async idle(): Promise<void> {
    if (this.#isRunning) await new Promise<void>((resolve) => void this.#waiters.push(resolve))
  }

  /** The link is gone: what has not been handed to the server is refused. */
  end(error: Error): void {
    this.#ended ??= error
    for (const { answer } of this.#queue.splice(0)) answer({ outcome: 'refused', error })
  }

  async #run(): Promise<void> {
    const release = this.#runtime.hold('storing messages')
    while (this.#queue.length > 0 && this.#ended === undefined) {
      const entries = this.#next()
      try {
        const unrouted = await this.#store(entries.map(({ publication }) => publication))
        for (const [n, { answer }] of entries.entries()) answer(unrouted.has(n + 1) ? UNROUTED : ACCEPTED)
      } catch (error) {
        const result = refusedOrUnknown(error)
        for (const { answer } of entries) answer(result)
      }
    }
    if (this.#ended !== undefined) this.end(this.#ended)
    this.#isRunning = false
    for (const wake of this.#waiters.splice(0)) wake()
    release()
  }

  #next(): readonly Entry[] {
    let bytes = 0
    let count = 0
    for (const { publication } of this.#queue) {
      bytes += publication.message.body.length
      if (count > 0 && (bytes > MOST_BYTES || count >= MOST_MESSAGES)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** The numbers, from 1, of those that nobody receives. */
  async #store(batch: readonly Publication[]): Promise<ReadonlySet<number>> {
    const [row] = await this.#wire.publish.run<Stored>(this.#sql.publish, publicationValues(batch))
    if (row === undefined) throw new Error('the server has answered without a row')
    this.#notifier.notify(row.groups.map((id) => messagesOf(this.#schema, id)))
    this.#notifier.notify(row.kept.map((id) => historyOf(this.#schema, id)))
    return new Set(row.unrouted)
  }
}

function refusedOrUnknown(cause: unknown): PublishResult {
  if (isRefusal(cause)) return { outcome: 'refused', error: statementError('storing messages', cause) }
  const error = new WaybillError('WAYBILL_OUTCOME_UNKNOWN', 'the link broke before the server had answered', { cause })
  return { outcome: 'unknown', error }
}
