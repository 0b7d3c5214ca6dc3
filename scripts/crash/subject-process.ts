import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Boundary } from './boundaries.ts'
import { DIED_AT } from './crash-point.ts'
import type { Life, Said } from './subject.ts'

const PROGRAM = fileURLToPath(new URL('subject.ts', import.meta.url))
/** To start, and to come to its boundary: longer than the slowest engine takes to give up on a member that died. */
const PATIENCE_MS = 60_000

/** One life of the subject. */
export class SubjectProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #output = ''

  constructor(life: Life) {
    this.#child = fork(PROGRAM, [JSON.stringify(life)], {
      execArgv: ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream
        ?.setEncoding('utf8')
        .on('data', (text: string) => void (this.#output = (this.#output + text).slice(-4_000)))
    this.#exited = new Promise((resolve) => this.#child.once('exit', () => resolve()))
  }

  /** Runs, or has died already where it was meant to. */
  async ready(): Promise<void> {
    await this.#within('start', Promise.race([this.#said('ready'), this.#exited]))
    if (this.#child.exitCode !== null) throw new Error(`the subject ended by itself:\n${this.#output}`)
  }

  /** Has died at `boundary`. @throws when it does not get there */
  async died(boundary: Boundary): Promise<void> {
    await this.#within(`come to ${boundary}`, this.#exited)
    if (!this.#output.includes(DIED_AT + boundary)) throw new Error(`it did not die at ${boundary}:\n${this.#output}`)
  }

  async left(): Promise<{ readonly outbox: number; readonly deadLetters: number }> {
    const answer = this.#said('left')
    this.#child.send('left?')
    return (await this.#within('say what is left', answer)) as Said & { type: 'left' } // what was waited for
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    const limit = setTimeout(() => this.kill(), PATIENCE_MS)
    await this.#exited
    clearTimeout(limit)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #said(type: Said['type']): Promise<Said> {
    return new Promise((resolve) => {
      const hear = (said: Said): void => {
        if (said.type !== type) return
        this.#child.off('message', hear)
        resolve(said)
      }
      this.#child.on('message', hear)
    })
  }

  async #within<T>(what: string, promise: Promise<T>): Promise<T> {
    let limit: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      limit = setTimeout(
        () => reject(new Error(`the subject did not ${what} in ${PATIENCE_MS} ms:\n${this.#output}`)),
        PATIENCE_MS,
      )
    })
    try {
      return await Promise.race([promise, tooLate])
    } catch (error) {
      this.kill()
      throw error
    } finally {
      clearTimeout(limit)
    }
  }
}
