import type { Runtime } from '../../runtime/runtime.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/** What a turn's settlements write: each kind is one statement, and takes effect as a whole. */
interface Batch {
  readonly acks: number[]
  readonly retries: { readonly id: number; readonly afterMs: number; readonly head: string }[]
  readonly burials: { readonly id: number; readonly head: string }[]
}

const emptyBatch = (): Batch => ({ acks: [], retries: [], burials: [] })

/**
 * Writes the settlements of one member of an unordered group, those of a turn together. A retry and a dead letter are one
 * change of one row, so there is no moment in which a message is in two places or in none. What a member settles whose lease
 * has ended changes nothing: the rows are another's.
 */
export class Settlements {
  readonly #wire: Wire
  readonly #sql: Statements
  readonly #groupId: number
  readonly #member: number
  readonly #runtime: Runtime
  readonly #events: { readonly retried: (soonestMs: number) => void; readonly failed: (error: unknown) => void }
  #batch = emptyBatch()
  #running: Promise<void> | undefined
  #ended = false

  constructor(
    wire: Wire,
    sql: Statements,
    groupId: number,
    member: number,
    runtime: Runtime,
    events: { readonly retried: (soonestMs: number) => void; readonly failed: (error: unknown) => void },
  ) {
    this.#wire = wire
    this.#sql = sql
    this.#groupId = groupId
    this.#member = member
    this.#runtime = runtime
    this.#events = events
  }

  ack(id: number): void {
    this.#batch.acks.push(id)
    this.#begin()
  }

  retry(id: number, afterMs: number, head: string): void {
    this.#batch.retries.push({ id, afterMs: Math.max(0, Math.ceil(afterMs)), head })
    this.#begin()
  }

  bury(id: number, head: string): void {
    this.#batch.burials.push({ id, head })
    this.#begin()
  }

  /** Resolves when all is written, or the link is gone. */
  async written(): Promise<void> {
    await this.#running
  }

  /** Forgets what is not written. */
  end(): void {
    this.#ended = true
    this.#batch = emptyBatch()
  }

  #begin(): void {
    if (!this.#ended) this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    const release = this.#runtime.hold('settling')
    try {
      await new Promise<void>((resolve) => this.#runtime.defer(resolve))
      while (!this.#ended && this.#batch.acks.length + this.#batch.retries.length + this.#batch.burials.length > 0) {
        const batch = this.#batch
        this.#batch = emptyBatch()
        await this.#write(batch)
      }
    } catch (error) {
      if (!this.#ended) this.#events.failed(error)
    } finally {
      this.#running = undefined
      release()
    }
  }

  async #write({ acks, retries, burials }: Batch): Promise<void> {
    const { consume } = this.#wire
    const [group, member] = [this.#groupId, this.#member]
    if (acks.length > 0) await consume.run(this.#sql.ack, [group, member, acks])
    if (burials.length > 0) {
      const values = [burials.map(({ id }) => id), burials.map(({ head }) => head)]
      await consume.run(this.#sql.bury, [group, member, ...values])
    }
    if (retries.length === 0) return
    const values = [retries.map(({ id }) => id), retries.map(({ afterMs }) => afterMs), retries.map(({ head }) => head)]
    await consume.run(this.#sql.retry, [group, member, ...values])
    this.#events.retried(Math.min(...retries.map(({ afterMs }) => afterMs)))
  }
}
