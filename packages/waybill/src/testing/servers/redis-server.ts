import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { ServerProcess } from './server-process.ts'

const START_DEADLINE_MS = 60_000

/**
 * A Redis of our own, for tests: the installed program on a port of 127.0.0.1, with its data in a temporary folder. It
 * writes each command to its append-only file, and syncs it, before it answers.
 */
export class RedisServer {
  readonly port: number
  readonly #program: string
  readonly #folder: string
  #process: ServerProcess | undefined

  private constructor(program: string, folder: string, port: number) {
    this.#program = program
    this.#folder = folder
    this.port = port
  }

  /** The program, or `undefined` where Redis is not installed. */
  static findProgram(): string | undefined {
    return findProgram('redis-server', ['/opt/homebrew/opt/redis/bin'])
  }

  /**
   * Resolves when it takes connections. Rejects with what it said when it does not start.
   *
   * @param options.port default: a free one
   */
  static async start({ port }: { readonly port?: number | undefined } = {}): Promise<RedisServer> {
    const program = RedisServer.findProgram()
    if (program === undefined) throw new Error('redis-server is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'waybill-redis-'))
    const server = new RedisServer(program, folder, port ?? (await freePort()))
    try {
      await server.restart()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it on its data, after `kill()` or `shutDown()`. */
  async restart(): Promise<void> {
    if (this.#process?.isRunning === true) throw new TypeError('the server runs')
    const settings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.#folder,
      daemonize: 'no',
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const env = { PATH: process.env['PATH'], HOME: this.#folder }
    this.#process = new ServerProcess(this.#program, args, env, this.#folder)
    await this.#process.says(/Ready to accept connections/, START_DEADLINE_MS)
  }

  /** `kill -9`: it has no time for anything. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  /** Lets it end properly, as for an upgrade. */
  async shutDown(): Promise<void> {
    await this.#process?.end('SIGTERM')
  }

  /** Ends it, and removes the folder. */
  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
