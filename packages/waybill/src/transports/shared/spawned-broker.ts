import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokerArguments, BROKER_PROGRAM } from '../../broker/process/program.ts'
import { LOG_FILE } from '../../broker/process/process-log.ts'
import { MAX_OUTCOME_BYTES, OUTCOME_FD, parseOutcome, type StartOutcome } from '../../broker/process/start-outcome.ts'
import { storeUnwritable } from '../../broker/store/store-damage.ts'
import { WaybillError } from '../../message/errors.ts'

/** What a program of Node's may need of the environment; NODE_OPTIONS, with its inspectors and loaders, is not among it. */
const KEPT_VARIABLES = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'LD_LIBRARY_PATH',
]
/** In the folder, because what is in it will be run. */
const COMPILE_CACHE = 'broker.cache'
/** Most of the log that is quoted when a broker ended without a word. */
const QUOTED_CHARACTERS = 2_000

/** A broker process from its start until it serves or has failed. It goes on without us from then on, and if we end first. */
export class SpawnedBroker {
  readonly #child: ChildProcess
  /** Never rejects. */
  readonly outcome: Promise<StartOutcome>

  /** @throws {WaybillError} WAYBILL_BROKER_UNREACHABLE when the program is not there, WAYBILL_STORE_UNWRITABLE */
  constructor(dir: string, idleMs: number) {
    if (!existsSync(BROKER_PROGRAM))
      throw new WaybillError('WAYBILL_BROKER_UNREACHABLE', `the program of the broker is missing: ${BROKER_PROGRAM}`, {
        cure: 'Leave the package waybill out of your bundle, or run `npx waybill broker --data <folder>` yourself.',
      })
    const log = openLog(dir)
    try {
      this.#child = spawn(process.execPath, brokerArguments({ dir, idleMs }), {
        cwd: '/',
        detached: true,
        windowsHide: true,
        env: environment(dir),
        stdio: ['ignore', log, log, 'pipe'],
      })
    } finally {
      closeSync(log)
    }
    this.outcome = outcomeOf(this.#child, dir)
  }

  /** Lets it go its way; it keeps this process alive no longer. */
  release(): void {
    this.#child.stdio[OUTCOME_FD]?.destroy()
    this.#child.unref()
  }
}

function openLog(dir: string): number {
  try {
    return openSync(join(dir, LOG_FILE), 'a', 0o600)
  } catch (error) {
    throw storeUnwritable(dir, error)
  }
}

function environment(dir: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => KEPT_VARIABLES.includes(name))
  // Its second start takes half the time.
  return { ...Object.fromEntries(kept), NODE_COMPILE_CACHE: join(dir, COMPILE_CACHE) }
}

function outcomeOf(child: ChildProcess, dir: string): Promise<StartOutcome> {
  return new Promise((resolve) => {
    let told = ''
    const pipe = child.stdio[OUTCOME_FD]
    pipe?.on('error', () => {})
    pipe?.on('data', (chunk: Buffer) => {
      told += chunk.toString()
      const end = told.indexOf('\n')
      const outcome = end === -1 ? undefined : parseOutcome(told.slice(0, end))
      if (outcome !== undefined) resolve(outcome)
      else if (end !== -1 || told.length > MAX_OUTCOME_BYTES) pipe.destroy()
    })
    child.on('error', (cause) => resolve({ type: 'failed', error: notStarted('cannot be started', cause) }))
    // After its streams: what it has told before its end comes first.
    child.on('close', (code, killedBy) => {
      const how = `ended with ${killedBy ?? `code ${code}`}`
      resolve({ type: 'failed', error: notStarted(`${how} before it served; its log ends:\n${tailOf(dir)}`) })
    })
  })
}

function notStarted(what: string, cause?: Error): WaybillError {
  return new WaybillError('WAYBILL_BROKER_UNREACHABLE', `the broker process ${what}`, {
    cause,
    cure: 'See broker.log in the folder.',
  })
}

function tailOf(dir: string): string {
  try {
    return readFileSync(join(dir, LOG_FILE), 'utf8').slice(-QUOTED_CHARACTERS)
  } catch {
    return ''
  }
}
