import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const SAY_LIMIT_MS = 20_000
const END_LIMIT_MS = 10_000

/** A program of the example, ended by its own id. Its output is small, so all of it is kept. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  output = ''

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => void (this.output += text))
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', resolve)
    })
    this.#ended.catch(() => undefined) // who waits for the end hears of it
  }

  /** Resolves when the output has `text`; rejects when the program ends first, or takes too long. */
  async says(text: string): Promise<void> {
    let limit: NodeJS.Timeout | undefined
    const said = new Promise<boolean>((resolve) => {
      const look = (): void => void (this.output.includes(text) && resolve(true))
      for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', look)
      limit = setTimeout(() => resolve(false), SAY_LIMIT_MS)
      look()
    })
    const has = await Promise.race([said, this.#ended.then(() => this.output.includes(text))])
    clearTimeout(limit)
    if (!has) throw new Error(`${this.#child.spawnargs.join(' ')} did not say "${text}", but:\n${this.output}`)
  }

  /** Waits until it has ended by itself, within a limit. */
  async ends(): Promise<number | null> {
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), END_LIMIT_MS)
    try {
      return await this.#ended
    } finally {
      clearTimeout(limit)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    if ((await this.ends()) === null && this.#child.signalCode === 'SIGKILL') throw new Error('it had to be killed')
  }
}
