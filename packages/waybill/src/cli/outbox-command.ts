// `waybill outbox`: what waits in the outbox of a store, and what the relay has put aside, for operators.
import { existsSync } from 'node:fs'
import { asError } from '../message/as-error.ts'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import { isWanted, parkedRows, unparkWhere } from '../outbox/parked-rows.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { OutboxTable, ParkedRow } from '../store/store.ts'
import { given, numberOf } from './dlq/dlq-options.ts'
import { parkedSelectionOf, parkedWhereOf, positionOf, type OutboxOptions } from './outbox/outbox-options.ts'
import {
  parkedTable,
  removedJson,
  removedTable,
  rowJson,
  rowLines,
  statusJson,
  statusLines,
  type ShownRow,
} from './outbox/row-text.ts'
import { printable, resultLine } from './shown-text.ts'
import { storeByUrl } from './store-url.ts'
import { UsageError } from './usage-error.ts'
import { userName } from './user-name.ts'

export type OutboxVerb = 'status' | 'list' | 'show' | 'unpark' | 'remove' | 'removed'

/** Of sysexits.h where they are not 0 or 1. */
export const OUTBOX_EXIT = { fine: 0, notDone: 1, usage: 64, unavailable: 69 } as const

export interface OutboxCall {
  readonly verb: OutboxVerb
  /** Of `show` and `remove`. */
  readonly id?: string
  readonly options: OutboxOptions
  readonly url: string | undefined
  readonly runtime: Runtime
  readonly signal: AbortSignal
}

export interface OutboxOutput {
  readonly print: (line: string) => void
  readonly complain: (text: string) => void
}

/** Of one page, unless `--limit` says otherwise; and at most. */
const PAGE = 100
const MAX_PAGE = 10_000
/** Channels that are told apart. */
const MAX_CHANNELS = 100
/** Rows of one id that are named. */
const MAX_NAMED = 10

/** Runs one verb; returns the exit code. */
export async function runOutbox(call: OutboxCall, output: OutboxOutput): Promise<number> {
  let isOpen = false
  try {
    const { store, end } = await storeByUrl(existing(call.url), { migrate: false })
    try {
      await store.open(call.runtime, call.signal)
      isOpen = true
      return await new OutboxDesk(call, store.outbox, output).run()
    } finally {
      await store.close()
      await end()
    }
  } catch (error) {
    const isOurs = error instanceof UsageError || error instanceof TypeError || isWaybillError(error)
    if (!isOurs && !call.signal.aborted) throw error
    output.complain(asError(error).message)
    if (!isOurs) return OUTBOX_EXIT.notDone
    if (!isWaybillError(error) || error.code === 'WAYBILL_BAD_URL') return OUTBOX_EXIT.usage
    return !isOpen && error.code === 'WAYBILL_DATABASE_FAILED' ? OUTBOX_EXIT.unavailable : OUTBOX_EXIT.notDone
  }
}

/** A file that is misspelt would be made, and be empty. */
function existing(url: string | undefined): string | undefined {
  const path = url?.startsWith('sqlite:') === true ? url.slice('sqlite:'.length) : ''
  if (path === '' || existsSync(path)) return url
  throw new WaybillError('WAYBILL_NOT_FOUND', `there is no file ${path}`, { cure: 'Name the file of the store.' })
}

/** What can be asked for over the counter. */
class OutboxDesk {
  readonly #call: OutboxCall
  readonly #outbox: OutboxTable
  readonly #output: OutboxOutput

  constructor(call: OutboxCall, outbox: OutboxTable, output: OutboxOutput) {
    this.#call = call
    this.#outbox = outbox
    this.#output = output
  }

  run(): Promise<number> {
    const verbs: Readonly<Record<OutboxVerb, () => Promise<number>>> = {
      status: () => this.#status(),
      list: () => this.#list(),
      show: () => this.#show(),
      unpark: () => this.#unpark(),
      remove: () => this.#remove(),
      removed: () => this.#removed(),
    }
    return verbs[this.#call.verb]()
  }

  async #status(): Promise<number> {
    const relays = await this.#outbox.countOwners()
    const backlog = await this.#outbox.operations.backlog(MAX_CHANNELS)
    const status = { ...(await this.#outbox.inspect()), relays, ...backlog }
    return this.#told(
      () => statusJson(status),
      () => statusLines(status),
    )
  }

  async #list(): Promise<number> {
    const { options, runtime, signal } = this.#call
    const limit = this.#limit()
    const where = parkedWhereOf(options, runtime.now())
    const from = options.after === undefined ? 0n : positionOf('--after', options.after)
    const rows: ParkedRow[] = []
    let after: string | undefined
    for await (const row of parkedRows(this.#outbox, from, signal)) {
      if (rows.length >= limit) {
        after = String(rows.at(-1)?.position)
        break
      }
      if (isWanted(row, where)) rows.push(row)
    }
    return this.#told(
      () => ({ parked: rows.map((row) => rowJson(row)), after: after ?? null }),
      () => [...parkedTable(rows), ...moreLines(after)],
    )
  }

  async #show(): Promise<number> {
    const row = await this.#one()
    if (row === undefined) return OUTBOX_EXIT.notDone
    const shown: ShownRow = row
    return this.#told(
      () => rowJson(shown),
      () => rowLines(shown),
    )
  }

  async #unpark(): Promise<number> {
    const { options, runtime, signal } = this.#call
    const where = parkedSelectionOf(options, runtime.now())
    const limit = numberOf('--limit', options.limit, { least: 1 })
    const dryRun = options.dryRun === true || options.yes !== true
    const result = await unparkWhere(this.#outbox, where, { signal, dryRun, ...given({ limit, force: options.force }) })
    const line = resultLine(dryRun ? 'would have unparked' : 'unparked', 'parked messages', result)
    const order =
      result.done === 0
        ? []
        : ['they leave behind what waits now; later messages of their keys have not waited for them']
    this.#told(
      () => result,
      () => [line, ...order],
    )
    if (dryRun && options.dryRun !== true) return this.#unconfirmed('nothing was done')
    return result.refused === 0 ? OUTBOX_EXIT.fine : OUTBOX_EXIT.notDone
  }

  async #remove(): Promise<number> {
    const { note, by = userName(), yes } = this.#call.options
    if (note === undefined || note.trim() === '') throw new UsageError('say why, for the record: --note')
    const row = await this.#one()
    if (row === undefined) return OUTBOX_EXIT.notDone
    const { position, message } = row
    const name = `${printable(message.id)} at ${position}`
    if (yes !== true) return this.#unconfirmed(`${name} would be removed for good`)
    const removed = await this.#outbox.operations.remove(position, by, note)
    if (removed === undefined) return this.#notDone(`${name} is not parked any more`)
    return this.#told(
      () => removedJson(removed),
      () => [`removed ${name}; \`waybill outbox removed\` has the record`],
    )
  }

  async #removed(): Promise<number> {
    const { after } = this.#call.options
    const limit = this.#limit()
    const before = after === undefined ? undefined : positionOf('--after', after)
    const rows = await this.#outbox.operations.removed(before, limit)
    const next = rows.length < limit ? undefined : String(rows.at(-1)?.number)
    return this.#told(
      () => ({ removed: rows.map(removedJson), after: next ?? null }),
      () => [...removedTable(rows), ...moreLines(next)],
    )
  }

  /** The one that is meant, with its body only where that is asked for; complains where it is none, or several. */
  async #one(): Promise<ShownRow | undefined> {
    const { id, options, signal } = this.#call
    const positions = options.position?.map((each) => positionOf('--position', each)) ?? []
    if ((id === undefined) === (positions.length === 0) || positions.length > 1)
      throw new UsageError('name one message: its id, or --position')
    const [position] = positions
    const found: ParkedRow[] = []
    for await (const row of parkedRows(this.#outbox, position === undefined ? 0n : position - 1n, signal)) {
      if (position === undefined ? row.message.id === id : row.position === position) found.push(row)
      if (found.length > MAX_NAMED || position !== undefined) break
    }
    const [row] = found
    if (row === undefined) {
      this.#notDone(`no message ${id ?? `at ${position}`} is parked`)
      return undefined
    }
    if (found.length > 1) {
      const where = found.slice(0, MAX_NAMED).map((each) => `  --position ${each.position}`)
      this.#notDone(`several messages ${id} are parked; name one:\n${where.join('\n')}`)
      return undefined
    }
    return options.body === true ? await this.#outbox.operations.find(row.position) : row
  }

  #limit(): number {
    const limit = numberOf('--limit', this.#call.options.limit, { least: 1 }) ?? PAGE
    if (limit > MAX_PAGE) throw new UsageError(`--limit is at most ${MAX_PAGE}; --after goes on`)
    return limit
  }

  #told(json: () => object, lines: () => readonly string[]): number {
    if (this.#call.options.json === true) this.#output.print(JSON.stringify(json(), undefined, 2))
    else lines().forEach(this.#output.print)
    return OUTBOX_EXIT.fine
  }

  #notDone(what: string): number {
    this.#output.complain(what)
    return OUTBOX_EXIT.notDone
  }

  #unconfirmed(what: string): number {
    return this.#notDone(`${what}: add --yes to do it`)
  }
}

function moreLines(after: string | undefined): readonly string[] {
  return after === undefined ? [] : [`and more: --after ${after}`]
}
