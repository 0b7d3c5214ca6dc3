import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { ServerProcess } from './server-process.ts'

const START_DEADLINE_MS = 60_000
const KIND = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const PROGRAM = fileURLToPath(new URL(`../../cli/main.${KIND}`, import.meta.url))

/** `waybill broker` on a free port of 127.0.0.1 and a temporary folder, ended by its own process id. */
export class WaybillServer {
  readonly port: number
  readonly #folder: string
  #process: ServerProcess

  private constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
    this.#process = this.#spawn()
  }

  /** Resolves when it takes connections. */
  static async start(): Promise<WaybillServer> {
    const server = new WaybillServer(await freePort(), await mkdtemp(join(tmpdir(), 'waybill-server-')))
    await server.#listens()
    return server
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`
  }

  /** Ends it with SIGKILL. */
  kill(): Promise<void> {
    return this.#process.end('SIGKILL')
  }

  /** Starts it again on its folder and port. */
  async restart(): Promise<void> {
    await this.#process.exited
    this.#process = this.#spawn()
    await this.#listens()
  }

  async stop(): Promise<void> {
    await this.#process.end('SIGTERM')
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #spawn(): ServerProcess {
    const args = [PROGRAM, 'broker', '--port', String(this.port), '--data', this.#folder]
    return new ServerProcess(process.execPath, args, process.env, this.#folder)
  }

  async #listens(): Promise<void> {
    await this.#process.says(/^listening /m, START_DEADLINE_MS)
  }
}
