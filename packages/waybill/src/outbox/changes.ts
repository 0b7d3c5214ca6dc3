import type { OutboxTable } from '../store/store.ts'
import type { RelayObserver } from './relay-parts.ts'
import type { RowChange } from './row-answer.ts'

/** What became of rows, on its way to the database. What could not be written is written later. */
export class Changes {
  readonly #table: OutboxTable
  readonly #observer: RelayObserver
  readonly #gone: (positions: readonly bigint[]) => void
  #pending: RowChange[] = []

  /** @param gone hears of the rows that are removed, or parked */
  constructor(table: OutboxTable, observer: RelayObserver, gone: (positions: readonly bigint[]) => void) {
    this.#table = table
    this.#observer = observer
    this.#gone = gone
  }

  get empty(): boolean {
    return this.#pending.length === 0
  }

  add(change: RowChange): void {
    this.#pending.push(change)
  }

  /** All that is removed in one statement; whether there was anything to write. Rejects where the database fails. */
  async write(): Promise<boolean> {
    const changes = this.#pending.splice(0)
    const written = new Set<RowChange>()
    try {
      const removed = changes.filter(({ change }) => change === 'remove')
      if (removed.length > 0) await this.#table.remove(removed.map(({ position }) => position))
      this.#written(removed, written)
      for (const each of changes) if (each.change !== 'remove') await this.#noteOrPark(each, written)
    } catch (error) {
      this.#pending.unshift(...changes.filter((each) => !written.has(each)))
      throw error
    }
    return changes.length > 0
  }

  async #noteOrPark(
    change: Extract<RowChange, { readonly change: 'refused' | 'park' }>,
    written: Set<RowChange>,
  ): Promise<void> {
    const { position, row, error } = change
    const parks = change.change === 'park'
    if (parks) await this.#table.park(position, error.message)
    else await this.#table.noteRefusal(position, error.message)
    this.#written([change], written)
    this.#observer[parks ? 'parked' : 'refused'](row, error)
  }

  #written(changes: readonly RowChange[], written: Set<RowChange>): void {
    for (const each of changes) written.add(each)
    this.#gone(changes.filter(({ change }) => change !== 'refused').map(({ position }) => position))
  }
}
