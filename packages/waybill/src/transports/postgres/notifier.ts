import type { Runtime } from '../../runtime/runtime.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/**
 * Tells members that there is something for them. It comes after the transaction that stored it, in one of its own that
 * writes nothing: a transaction that notifies holds a lock of the whole database while it commits, and would make all who
 * store messages wait for each other's disk. What is not told, because this process died in between, is found by polling.
 */
export class Notifier {
  readonly #wire: () => Wire
  readonly #sql: Statements
  readonly #runtime: Runtime
  #pending = new Set<string>()
  #running: Promise<void> | undefined

  constructor(wire: () => Wire, sql: Statements, runtime: Runtime) {
    this.#wire = wire
    this.#sql = sql
    this.#runtime = runtime
  }

  /** Once for each channel, however often it is called before the last notification is under way. */
  notify(channels: Iterable<string>): void {
    for (const channel of channels) this.#pending.add(channel)
    if (this.#pending.size > 0) this.#running ??= this.#run()
  }

  /** Resolves when what was asked for is told. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const release = this.#runtime.hold('notifying')
    try {
      while (this.#pending.size > 0) {
        const channels = [...this.#pending]
        this.#pending.clear()
        const wire = this.#wire()
        if (wire.listens) await wire.control.run(this.#sql.notify, [channels])
      }
    } catch {
      // The link is gone; members poll.
      this.#pending.clear()
    } finally {
      this.#running = undefined
      release()
    }
  }
}
