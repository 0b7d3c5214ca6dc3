import { fork, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('teller.ts', import.meta.url))
const START_MS = 60_000

/** Processes that are killed and started again, one at a time, at random instants. */
export class Tellers {
  readonly #args: readonly string[]
  readonly #running: ChildProcess[] = []
  #kills = 0
  #output = ''

  constructor(args: readonly string[]) {
    this.#args = args
  }

  get kills(): number {
    return this.#kills
  }

  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#startOne()))
  }

  /** `kill -9` of one of them, and another one in its place. */
  async replaceOne(): Promise<void> {
    const [victim] = this.#running.splice(randomInt(this.#running.length), 1)
    const exited = new Promise((resolve) => victim?.once('exit', resolve))
    victim?.kill('SIGKILL')
    this.#kills++
    await exited
    await this.#startOne()
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#running.splice(0).map(async (child) => {
        const exited = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        const limit = setTimeout(() => child.kill('SIGKILL'), START_MS)
        await exited
        clearTimeout(limit)
      }),
    )
  }

  async #startOne(): Promise<void> {
    const child = fork(PROGRAM, this.#args, {
      execArgv: ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => void (this.#output = (this.#output + text).slice(-4_000))) // prettier-ignore
    this.#running.push(child)
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`a teller did not start:\n${this.#output}`)), START_MS)
      child.once('message', () => {
        clearTimeout(limit)
        resolve()
      })
      child.once('exit', (code) => {
        clearTimeout(limit)
        reject(new Error(`a teller ended by itself with ${code}:\n${this.#output}`))
      })
    })
    child.removeAllListeners('exit')
  }
}
