import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The lives of the brokers of one folder, as they wrote them down themselves. */
export class Lives {
  readonly #dir: string
  /** Of those that have ended: they are not asked for again. */
  readonly #ended = new Set<string>()
  /** The most that ran at one moment. */
  most = 0

  constructor(dir: string) {
    this.#dir = dir
  }

  get all(): readonly { readonly pid: number; readonly instance: string }[] {
    const log = join(this.#dir, 'broker.log')
    if (!existsSync(log)) return []
    const begins = readFileSync(log, 'utf8').matchAll(/^\S+ (\d+) begin (\S+)/gm)
    return [...begins].map(([, pid, instance = '']) => ({ pid: Number(pid), instance }))
  }

  /** The one that runs now; looks whether there are two. */
  look(): number | undefined {
    const running = this.all.filter(({ pid, instance }) => {
      if (this.#ended.has(instance)) return false
      const isRunning = this.#isBroker(pid)
      if (!isRunning) this.#ended.add(instance)
      return isRunning
    })
    this.most = Math.max(this.most, running.length)
    return running.at(-1)?.pid
  }

  /** A process id may have been given to somebody else; what has ended and was not waited for has no arguments left. */
  #isBroker(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.#dir)
    } catch {
      return false
    }
  }
}
