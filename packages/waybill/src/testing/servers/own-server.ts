import { rm } from 'node:fs/promises'
import type { ServerProcess } from './server-process.ts'

/** A server that is quick on an idle machine may take many times that on a busy one. */
const START_DEADLINE_MS = 120_000

/** A server of our own, for tests: one program at a time, on its data in a temporary folder, ended by its own process id. */
export abstract class OwnServer {
  protected readonly folder: string
  #process: ServerProcess | undefined

  protected constructor(folder: string) {
    this.folder = folder
  }

  /** Starts the program on its data. */
  protected abstract launch(): ServerProcess | Promise<ServerProcess>
  /** What it says when it takes connections. */
  protected abstract readonly ready: RegExp
  /** What lets it end properly. */
  protected readonly goodbye: 'SIGTERM' | 'SIGINT' = 'SIGTERM'

  /** Starts it on its data, after `kill()` or `shutDown()`. Rejects with what it said when it does not start. */
  async restart(): Promise<void> {
    if (this.#process?.isRunning === true) throw new TypeError('the server runs')
    this.#process = await this.launch()
    await this.#process.says(this.ready, START_DEADLINE_MS)
  }

  /** It does nothing, and its connections stay open, until `resume()`. */
  suspend(): void {
    this.#process?.suspend()
  }

  resume(): void {
    this.#process?.resume()
  }

  /** `kill -9`: it has no time for anything. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  /** Lets it end properly, as for an upgrade: its clients are told, or cut off. */
  async shutDown(): Promise<void> {
    await this.#process?.end(this.goodbye)
  }

  /** Ends it, and removes the folder. */
  async stop(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** The last that it has said. */
  protected get output(): string {
    return this.#process?.output ?? ''
  }

  /** Prepares and starts it, and leaves nothing behind when that fails. */
  protected async begin(prepare?: () => Promise<void>): Promise<this> {
    try {
      await prepare?.()
      await this.restart()
      return this
    } catch (error) {
      await this.stop()
      throw error
    }
  }
}
