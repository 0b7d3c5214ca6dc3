// One engine with one database: a life for each boundary, each with work of its own, and a last one in which all is done.
import { randomInt } from 'node:crypto'
import { createBus, silentLogger, type Bus } from 'waybill'
import { resolveTransport } from '../../packages/waybill/src/bus/settings/resolve-transport.ts'
import type { Boundary } from './boundaries.ts'
import { systemRuntime } from '../../packages/waybill/src/runtime/system-runtime.ts'
import { violationsIn } from './check.ts'
import { openDatabase, type Database } from './databases.ts'
import { Ledger } from './ledger.ts'
import type { MutantName } from './mutants.ts'
import type { Life } from './subject.ts'
import { SubjectProcess } from './subject-process.ts'
import { isBroken, KEYS, steps, type Step } from './workload.ts'

export interface CellOptions {
  readonly transportUrl: string
  /** Of a database that is empty. */
  readonly databaseUrl: string
  readonly boundaries: readonly Boundary[]
  readonly mutant?: MutantName
  /** It was killed there. */
  readonly told?: (boundary: Boundary) => void
}

export interface CellReport {
  /** How often it was killed at each boundary. */
  readonly killed: ReadonlyMap<Boundary, number>
  readonly steps: number
  readonly violations: readonly string[]
}

interface Left {
  readonly outbox: number
  readonly deadLetters: number
}

/** Steps of each key that one life is given. */
const STEPS_PER_LIFE = 5
/** The work is at an end when nothing more has changed for so long. */
const QUIET_MS = 20_000
const LOOK_EVERY_MS = 200
const REDRIVES: ReadonlySet<Boundary> = new Set<Boundary>(['during-redrive', 'after-redrive'])

export async function runCell(options: CellOptions): Promise<CellReport> {
  const database = await openDatabase(options.databaseUrl)
  const cell = new Cell(options, database)
  try {
    await database.store.open(systemRuntime(), new AbortController().signal)
    return await cell.run()
  } finally {
    await cell.close()
    await database.store.close()
    await database.close()
  }
}

class Cell {
  readonly #options: CellOptions
  readonly #ledger: Ledger<unknown>
  readonly #name = `crash${randomInt(1e9).toString(36)}`
  readonly #asked: Step[] = []
  readonly #killed = new Map<Boundary, number>()
  #bus: Bus | undefined
  #subject: SubjectProcess | undefined

  constructor(options: CellOptions, database: Database<unknown>) {
    this.#options = options
    this.#ledger = new Ledger(database)
  }

  async run(): Promise<CellReport> {
    await this.#ledger.create()
    await this.#ledger.openAccounts(KEYS)
    const { factory } = await resolveTransport({ url: this.#options.transportUrl, mode: undefined, cwd: process.cwd() })
    this.#bus = await createBus({ transport: factory, name: 'asker', logger: silentLogger, drainOn: [] })
    // Groups begin with their first member: what is published before is not for them.
    await this.#start({ nth: 1, redrives: false })
    await this.#subject?.end()
    for (const boundary of this.#options.boundaries) await this.#dieAt(boundary)
    await this.#ledger.repair()
    const left = await this.#finish()
    const [applied, audited] = [await this.#ledger.read('applied'), await this.#ledger.read('audited')]
    const evidence = { asked: this.#asked, books: { applied, audited }, totals: await this.#ledger.totals(), left }
    return { killed: this.#killed, steps: this.#asked.length, violations: violationsIn(evidence) }
  }

  async close(): Promise<void> {
    this.#subject?.kill()
    await this.#bus?.drain('1s')
  }

  async #dieAt(boundary: Boundary): Promise<void> {
    const redrives = REDRIVES.has(boundary)
    if (redrives) await this.#gatherDeadLetters()
    await this.#start({ boundary, nth: nthOf(boundary), redrives })
    await this.#ask()
    await this.#subject?.died(boundary)
    this.#options.told?.(boundary)
    this.#killed.set(boundary, (this.#killed.get(boundary) ?? 0) + 1)
  }

  /** A life in which something becomes a dead letter, before it is repaired. */
  async #gatherDeadLetters(): Promise<void> {
    await this.#ledger.unrepair()
    await this.#start({ nth: 1, redrives: false })
    do await this.#ask()
    while (!this.#asked.slice(-KEYS.length * STEPS_PER_LIFE).some(isBroken))
    await this.#watch((_done, { deadLetters }) => deadLetters > 0)
    await this.#subject?.end()
    await this.#ledger.repair()
  }

  /** A life without an end, until everything is done or nothing moves any more. */
  async #finish(): Promise<Left> {
    await this.#start({ nth: 1, redrives: true })
    if (this.#asked.length === 0) await this.#ask()
    const left = await this.#watch(
      (done, { outbox, deadLetters }) => Math.min(...done) >= this.#asked.length && outbox + deadLetters === 0,
    )
    await this.#subject?.end()
    return left
  }

  /** Looks until something is so, or nothing changes any more. */
  async #watch(isSo: (done: readonly number[], left: Left) => boolean): Promise<Left> {
    let seen = ''
    for (let since = performance.now(); ;) {
      const books = await Promise.all([this.#ledger.read('applied'), this.#ledger.read('audited')])
      const done = books.map(({ length }) => length)
      const left = (await this.#subject?.left()) ?? { outbox: 0, deadLetters: 0 }
      const now = JSON.stringify([done, left])
      if (now !== seen) since = performance.now()
      seen = now
      if (isSo(done, left) || performance.now() - since > QUIET_MS) return left
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }

  async #start(life: Pick<Life, 'boundary' | 'nth' | 'redrives'>): Promise<void> {
    const { transportUrl, databaseUrl, mutant } = this.#options
    const subject = new SubjectProcess({
      ...life,
      transportUrl,
      databaseUrl,
      name: this.#name,
      ...(mutant && { mutant }),
    })
    this.#subject = subject
    await subject.ready()
  }

  /** The next steps of every key, each confirmed. */
  async #ask(): Promise<void> {
    const { asked } = steps(this.#name)
    const bus = this.#bus
    if (bus === undefined) throw new Error('the cell runs')
    const first = this.#asked.length / KEYS.length
    for (let n = first; n < first + STEPS_PER_LIFE; n++) {
      const round = KEYS.map((key) => ({ key, n }))
      this.#asked.push(...round)
      await Promise.all(round.map((step) => bus.publish(asked, step)))
    }
  }
}

/** The how manieth time it kills: by chance, and seldom enough that every life gets there. */
function nthOf(boundary: Boundary): number {
  if (boundary.startsWith('before-handler') || boundary.includes('commit') || boundary.includes('acknowledge'))
    return randomInt(1, 12)
  return boundary.includes('retry') ? randomInt(1, 4) : 1
}
