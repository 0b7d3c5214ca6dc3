import { spawn, type ChildProcess } from 'node:child_process'
import { systemRuntime } from '../../runtime/system-runtime.ts'

/** Most of the output that is kept, for the error when the program does not start. */
const KEPT_OUTPUT = 8_192

export interface ServerProcessOptions {
  /** Whom it runs as, where that is not us. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** Signals go to all processes that it has started, too. */
  readonly isGroup?: boolean
}

/** A program of ours, ended with this process at the latest, and always by its own id. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #isGroup: boolean
  #output = ''
  #isRunning = true

  constructor(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    cwd: string,
    { user, isGroup = false }: ServerProcessOptions = {},
  ) {
    this.#isGroup = isGroup
    this.#child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: isGroup, ...user })
    const kill = (): void => this.#signal('SIGKILL')
    process.once('exit', kill)
    this.#exited = new Promise((resolve) => {
      const end = (): void => {
        this.#isRunning = false
        process.off('exit', kill)
        resolve()
      }
      this.#child.once('exit', end)
      this.#child.once('error', (error) => {
        this.#output += error.message
        end()
      })
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT)
      })
  }

  /** Resolves when it has ended, however. */
  get exited(): Promise<void> {
    return this.#exited
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Resolves when its output has `text`. Rejects, with the output, when it exits before, or after `deadlineMs`. */
  async says(text: RegExp, deadlineMs: number): Promise<void> {
    let timer: { cancel(): void } | undefined
    const heard = new Promise<string | undefined>((resolve) => {
      const check = (): void => void (text.test(this.#output) && resolve(undefined))
      for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', check)
      check()
      timer = systemRuntime().setTimer(deadlineMs, () => resolve(`has not said ${String(text)} in ${deadlineMs} ms`))
      this.#exited.then(
        () => resolve('has exited'),
        () => undefined,
      )
    })
    const fault = await heard
    timer?.cancel()
    if (fault !== undefined) throw new Error(`${this.#child.spawnfile} ${fault}:\n${this.#output}`)
  }

  /** Its exit code, when it has ended by itself. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** The last that it has said. */
  get output(): string {
    return this.#output
  }

  /** Sends a signal and waits for the end. */
  async end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#isRunning) this.#signal(signal)
    await this.#exited
  }

  /** It does nothing, and its connections stay open, until `resume`. */
  suspend(): void {
    this.#signal('SIGSTOP')
  }

  resume(): void {
    this.#signal('SIGCONT')
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (!this.#isGroup || pid === undefined) return void this.#child.kill(signal)
    try {
      process.kill(-pid, signal)
    } catch (error) {
      // It has ended in this moment.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
