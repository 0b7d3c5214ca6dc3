import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** A process, told apart from a later one that has its id. */
export interface KnownProcess {
  readonly pid: number
  readonly started: string
}

/** A process that runs, and all that it has started, and those have. */
export function familyOf(pid: number): readonly KnownProcess[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number))
  const pids = [pid]
  // Those that are found are looked at in turn.
  for (const parent of pids) for (const [child = 0, of] of pairs) if (of === parent) pids.push(child)
  return pids.flatMap((each) => {
    const started = startOf(each)
    return started === undefined ? [] : [{ pid: each, started }]
  })
}

export function runs({ pid, started }: KnownProcess): boolean {
  return startOf(pid) === started
}

/** Sends a signal, unless it has ended. */
export function signal(known: KnownProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!runs(known)) return
  try {
    process.kill(known.pid, name)
  } catch (error) {
    // It has ended in this moment.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** When it was started, in whatever words; `undefined` when nothing runs by that id. */
function startOf(pid: number): string | undefined {
  if (!existsSync('/proc/self/stat')) return startByPs(pid)
  try {
    // The second field is the program's name in parentheses, which may hold anything. 1 is the state, 20 the start.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/s, '').split(' ')
    return fields[1] === 'Z' ? undefined : fields[20]
  } catch {
    return undefined // no such process
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim() || undefined
  } catch {
    return undefined // ps finds none
  }
}
