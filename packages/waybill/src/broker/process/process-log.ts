import { appendFileSync, copyFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../../runtime/runtime.ts'

export const LOG_FILE = 'broker.log'
const MAX_BYTES = 256 * 1024

/** Appends a line to broker.log. */
export type ProcessLog = (line: string) => void

/**
 * The log of the broker processes of a folder: one line for each begin and end of one, and for what goes wrong. At
 * 256 KiB it becomes broker.log.1 and begins anew; it is emptied, not replaced, because standard error goes there too.
 */
export function processLog(dir: string, runtime: Runtime): ProcessLog {
  const file = join(dir, LOG_FILE)
  return (line) => {
    try {
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_BYTES) {
        copyFileSync(file, `${file}.1`)
        truncateSync(file)
      }
      appendFileSync(file, `${new Date(runtime.now()).toISOString()} ${process.pid} ${line}\n`, { mode: 0o600 })
    } catch {
      // A full disk, or a folder that is gone: no reason for a broker to end.
    }
  }
}
