// `waybill dlq`: the dead letters of a group, for operators.
import { readFileSync } from 'node:fs'
import type { TransportEnvironment } from '../bus/settings/resolve-transport.ts'
import { DeadLetters } from '../dead-letters/dead-letters.ts'
import type { DeadLetterResult, WalkOptions } from '../dead-letters/walk.ts'
import { isWaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { given, headersOf, numberOf, selectionOf, whereOf, type DlqOptions } from './dlq/dlq-options.ts'
import { targetOf } from './dlq/dlq-target.ts'
import { jsonOf, linesOf, tableOf } from './dlq/letter-text.ts'
import { withTransport } from './engine-answers.ts'
import { printable, resultLine } from './shown-text.ts'
import { UsageError } from './usage-error.ts'
import { userName } from './user-name.ts'

export type DlqVerb = 'list' | 'show' | 'redrive' | 'remove' | 'purge' | 'park' | 'unpark' | 'edit'

/** Of sysexits.h where they are not 0 or 1. */
export const DLQ_EXIT = { fine: 0, notDone: 1, usage: 64, unavailable: 69 } as const

export interface DlqOutput {
  readonly print: (line: string) => void
  readonly complain: (text: string) => void
}

export interface DlqCall {
  readonly verb: DlqVerb
  /** Of `show` and `edit`. */
  readonly id?: string
  /** Modules that export services. */
  readonly files: readonly string[]
  readonly options: DlqOptions
  readonly environment: TransportEnvironment
  readonly runtime: Runtime
  readonly signal: AbortSignal
}

const START_TIMEOUT_MS = 30_000
/** What is told of a long redrive, at most this often. */
const TELL_EVERY_MS = 1_000

/** Runs one verb; returns the exit code. */
export async function runDlq(call: DlqCall, output: DlqOutput): Promise<number> {
  const { files, options, environment, runtime } = call
  try {
    const { factory, group, contracts, lifeMs } = await targetOf(files, options, environment)
    const by = options.by ?? userName()
    return await withTransport(factory, { runtime, startTimeoutMs: START_TIMEOUT_MS }, async (transport) => {
      const dead = new DeadLetters({ transport, runtime, group, contracts, by, lifeMs })
      return await new Dlq(call, dead, output).run()
    })
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof TypeError || isWaybillError(error))) throw error
    output.complain(error.message)
    if (!isWaybillError(error)) return DLQ_EXIT.usage
    return error.scope === 'connection' ? DLQ_EXIT.unavailable : DLQ_EXIT.notDone
  }
}

class Dlq {
  readonly #call: DlqCall
  readonly #dead: DeadLetters
  readonly #output: DlqOutput

  constructor(call: DlqCall, dead: DeadLetters, output: DlqOutput) {
    this.#call = call
    this.#dead = dead
    this.#output = output
  }

  run(): Promise<number> {
    const { verb, options } = this.#call
    const dead = this.#dead
    const record = given({ note: options.note })
    const verbs: Readonly<Record<DlqVerb, () => Promise<number>>> = {
      list: () => this.#list(),
      show: () => this.#show(),
      edit: () => this.#edit(),
      purge: () => this.#purge(),
      redrive: () => {
        const rate = numberOf('--rate', options.rate, { isWhole: false })
        const how = given({ ...record, rate, force: options.force })
        return this.#change('redriven', (where, walk) => dead.redrive(where, { ...walk, ...how }))
      },
      remove: () => this.#change('removed', (where, walk) => dead.remove(where, walk)),
      park: () => this.#change('parked', (where, walk) => dead.park(where, { ...walk, ...record })),
      unpark: () => this.#change('unparked', (where, walk) => dead.unpark(where, walk)),
    }
    return verbs[verb]()
  }

  async #list(): Promise<number> {
    const { options, runtime, signal } = this.#call
    const limit = numberOf('--limit', options.limit, { least: 1 })
    const where = whereOf(options, runtime.now())
    const { letters, after } = await this.#dead.list({ where, signal, ...given({ limit, after: options.after }) })
    if (options.json === true) {
      this.#json({ letters: letters.map((letter) => jsonOf(letter, false)), after: after ?? null })
      return DLQ_EXIT.fine
    }
    tableOf(letters).forEach(this.#output.print)
    if (after !== undefined) this.#output.print(`and more: --after '${printable(after)}'`)
    return DLQ_EXIT.fine
  }

  async #show(): Promise<number> {
    const letter = await this.#dead.find(this.#call.id ?? '')
    if (letter === undefined) {
      this.#output.complain(`group ${this.#dead.group.name} has no dead letter ${this.#call.id}`)
      return DLQ_EXIT.notDone
    }
    if (this.#call.options.json === true) this.#json(jsonOf(letter, true))
    else (await linesOf(letter)).forEach(this.#output.print)
    return DLQ_EXIT.fine
  }

  async #edit(): Promise<number> {
    const { options, id = '' } = this.#call
    const change = given({
      bytes: options.body === undefined ? undefined : bytesIn(options.body),
      contentType: options.contentType,
      schemaVersion: numberOf('--schema-version', options.schemaVersion, { least: 1 }),
      key: options.newKey,
    })
    const headers = headersOf(options)
    if (options.yes !== true) return this.#unconfirmed(`dead letter ${id} would be edited`)
    const letter = await this.#dead.edit(id, { ...change, headers }, given({ note: options.note }))
    if (options.json === true) this.#json(jsonOf(letter, true))
    else this.#output.print(`edited ${id}: ${letter.edits.at(-1)?.changed.join(', ') ?? ''}`)
    return DLQ_EXIT.fine
  }

  async #purge(): Promise<number> {
    const { confirm } = this.#call.options
    if (confirm === undefined) throw new UsageError(`purge removes all of them: add --confirm ${this.#dead.group.name}`)
    return this.#told('removed', await this.#dead.purge({ confirm, ...this.#walk() }))
  }

  /** Without `--yes`, says what would be done. */
  async #change(
    done: string,
    change: (where: ReturnType<typeof selectionOf>, walk: WalkOptions) => Promise<DeadLetterResult>,
  ): Promise<number> {
    const { options, runtime } = this.#call
    const where = selectionOf(options, runtime.now())
    const isDry = options.dryRun === true || options.yes !== true
    const limit = numberOf('--limit', options.limit, { least: 1 })
    const result = await change(where, { ...this.#walk(), ...given({ limit }), dryRun: isDry })
    if (!isDry) return this.#told(done, result)
    const code = this.#told(`would have ${done}`, result)
    return options.dryRun === true ? code : this.#unconfirmed('nothing was done')
  }

  #walk(): WalkOptions {
    const { runtime, signal } = this.#call
    let next = runtime.monotonic() + TELL_EVERY_MS
    const progress = ({ done, looked }: DeadLetterResult): void => {
      if (runtime.monotonic() < next) return
      next = runtime.monotonic() + TELL_EVERY_MS
      this.#output.complain(`${done} done, ${looked} looked at`)
    }
    return { signal, progress }
  }

  #told(what: string, result: DeadLetterResult): number {
    if (this.#call.options.json === true) this.#json(result)
    else this.#output.print(resultLine(what, 'dead letters', result))
    return result.refused === 0 ? DLQ_EXIT.fine : DLQ_EXIT.notDone
  }

  #unconfirmed(what: string): number {
    this.#output.complain(`${what}: add --yes to do it`)
    return DLQ_EXIT.notDone
  }

  #json(value: object): void {
    this.#output.print(JSON.stringify(value, undefined, 2))
  }
}

/** @throws {UsageError} for a file that cannot be read; `-` is standard input */
function bytesIn(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
