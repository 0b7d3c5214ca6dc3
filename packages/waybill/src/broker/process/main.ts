// The program of a broker that the services of a folder share, and start: see transports/shared/.
//
//   node main.js --data <folder> --idle-ms <milliseconds>
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { parseArgs } from 'node:util'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { EXIT_USAGE, exitCodeOf } from './exit-code.ts'
import { processLog } from './process-log.ts'
import { runUntilEnd } from './run-until-end.ts'
import { formatOutcome, OUTCOME_FD, type StartOutcome } from './start-outcome.ts'

/** The broker before may be closing; longer than its connections may take for that. */
const LOCK_WAIT_MS = 3_000

/** When those who have waited for the broker are at work again. */
const CACHE_AFTER_MS = 500

const { values } = parseArgs({ options: { data: { type: 'string' }, 'idle-ms': { type: 'string' } } })
const [dir, idleMs] = [values.data, Number(values['idle-ms'])]
if (dir === undefined || !(idleMs > 0)) {
  console.error('usage: main --data <folder> --idle-ms <milliseconds>')
  process.exit(EXIT_USAGE)
}
// What is made in the folder is for this user alone, whatever the folder allows.
process.umask(0o077)
const runtime = systemRuntime()
const log = processLog(dir, runtime)
try {
  const options = { dir, idleMs, runtime, log, lockWaitMs: LOCK_WAIT_MS }
  const { exitCode } = await runUntilEnd(options, ({ announcement: { instance } }) => {
    tell({ type: 'ready', instance })
    // Node writes it at the end, which a process that is killed does not come to.
    runtime.setTimer(CACHE_AFTER_MS, () => flushCompileCache())
  })
  process.exit(exitCode)
} catch (reason) {
  const error = reason instanceof Error ? reason : new Error(String(reason))
  log(`not started: ${error.message}`)
  tell({ type: 'failed', error })
  process.exit(exitCodeOf(error))
}

/** Who started it may have ended meanwhile. */
function tell(outcome: StartOutcome): void {
  try {
    writeSync(OUTCOME_FD, formatOutcome(outcome))
  } catch {
    // It is in the log as well.
  }
}
