import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SYSTEM = fileURLToPath(new URL('system.ts', import.meta.url))
const START_LIMIT_MS = 20_000
const END_LIMIT_MS = 8_000

/** The processes of the demo, each known by its roles and ended by its own process id. */
export class ProcessGroup {
  readonly #ledgers: string
  readonly #env: NodeJS.ProcessEnv
  readonly #running = new Map<string, ChildProcess>()

  constructor(options: { readonly ledgers: string; readonly env: NodeJS.ProcessEnv }) {
    this.#ledgers = options.ledgers
    this.#env = options.env
  }

  /** Resolves when the process has subscribed everything it needs. */
  async start(roles: readonly string[], orderPrefix: string): Promise<void> {
    const child = fork(SYSTEM, [this.#ledgers, orderPrefix, ...roles], {
      env: this.#env,
      execArgv: ['--conditions=@waybill/source'],
    })
    this.#running.set(roles.join(), child)
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`${roles.join(', ')} did not start within ${START_LIMIT_MS} ms`)),
        START_LIMIT_MS,
      )
      child.once('message', () => {
        clearTimeout(limit)
        resolve()
      })
      child.once('exit', (code) => {
        clearTimeout(limit)
        reject(new Error(`${roles.join(', ')} ended with exit code ${code}`))
      })
    })
  }

  /** kill -9. */
  kill(roles: readonly string[]): number | undefined {
    const child = this.#running.get(roles.join())
    child?.kill('SIGKILL')
    return child?.pid
  }

  say(message: string): void {
    for (const child of this.#running.values()) if (child.connected) child.send(message)
  }

  /** Asks every process to drain, and waits until it has ended. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#running.values()].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exited = new Promise((resolve) => child.once('exit', resolve))
        const limit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
        child.kill('SIGTERM')
        if (child.connected) child.disconnect()
        await exited
        clearTimeout(limit)
      }),
    )
    this.#running.clear()
  }
}
