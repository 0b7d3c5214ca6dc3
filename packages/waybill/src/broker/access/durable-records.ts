import { WaybillError } from '../../message/errors.ts'
import type { DefinitionLog } from '../definition-log.ts'
import type { Durable } from '../store/message-log.ts'

export interface RecordsOptions<T> {
  readonly log: DefinitionLog
  /** Before the keys in the log. */
  readonly prefix: string
  /** What a limit calls them. */
  readonly what: string
  readonly most: number
  /** What is there until somebody removes it; that it was removed is written down. */
  readonly defaults?: ReadonlyMap<string, T>
}

/** Records by key, in memory and in the log. */
export class DurableRecords<T extends object> {
  readonly #options: RecordsOptions<T>
  readonly #records: Map<string, T>

  constructor(options: RecordsOptions<T>) {
    this.#options = options
    this.#records = new Map(options.defaults)
  }

  get(key: string): T | undefined {
    return this.#records.get(key)
  }

  entries(): Iterable<readonly [string, T]> {
    return this.#records
  }

  /** @throws {WaybillError} `WAYBILL_LIMIT` when there are too many */
  set(key: string, record: T, done: Durable): void {
    const { log, prefix, what, most } = this.#options
    if (this.#records.size >= most && !this.#records.has(key)) {
      throw new WaybillError('WAYBILL_LIMIT', `${most} ${what} exist`)
    }
    this.#records.set(key, record)
    log.write(prefix + key, record, done)
  }

  /** `false` when there is none. */
  delete(key: string, done: Durable): boolean {
    const { log, prefix, defaults } = this.#options
    if (!this.#records.delete(key)) {
      log.afterEarlier(done)
      return false
    }
    log.write(prefix + key, defaults?.has(key) === true ? REMOVED : undefined, done)
    return true
  }

  /** Takes those of its own out of the definitions of a log. */
  restore(definitions: ReadonlyMap<string, string>): void {
    const { prefix } = this.#options
    for (const [definition, text] of definitions) {
      if (!definition.startsWith(prefix)) continue
      const key = definition.slice(prefix.length)
      const record = JSON.parse(text) as T | typeof REMOVED // written by this class, under checksums of the log
      if (isRemoved(record)) this.#records.delete(key)
      else this.#records.set(key, record)
    }
  }
}

const REMOVED = { removed: true } as const

function isRemoved(record: object): record is typeof REMOVED {
  return 'removed' in record
}
