import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Runtime } from '../../runtime/runtime.ts'
import { isLoopback } from '../access/loopback.ts'
import { listenWith, portOf, type Address } from '../server/listen.ts'
import { RequestAnswerer, type AnswererOptions } from './request-answerer.ts'

export interface ManagementServerOptions extends Address, Omit<AnswererOptions, 'isLocal'> {
  readonly runtime: Runtime
  /** PEM. Over TLS alone. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer }
}

/** More than a dashboard, its browsers and a few scripts need. */
const MOST_CONNECTIONS = 256
/** A request, with its body, has to arrive within so long. */
const REQUEST_MS = 60_000
const HEADERS_MS = 10_000

/** Where the management API is asked. */
export class ManagementServer {
  readonly #options: ManagementServerOptions
  readonly #answerer: RequestAnswerer
  #servers: readonly Server[] = []

  /** @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE`; what else keeps it from listening is the native error */
  static async listen(options: ManagementServerOptions): Promise<ManagementServer> {
    const server = new ManagementServer(options)
    server.#servers = await listenWith(options, () => server.#make())
    return server
  }

  private constructor(options: ManagementServerOptions) {
    this.#options = options
    this.#answerer = new RequestAnswerer({
      ...options,
      isLocal: options.host === 'localhost' || isLoopback(options.host),
    })
  }

  get port(): number {
    const [first] = this.#servers
    return first === undefined ? 0 : portOf(first)
  }

  /** Ends what is under way after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const server of this.#servers) server.closeIdleConnections()
    const timer = this.#options.runtime.setTimer(deadlineMs, () => {
      for (const server of this.#servers) server.closeAllConnections()
    })
    await Promise.all(closed)
    timer.cancel()
  }

  #make(): Server {
    const { tls, failed } = this.#options
    const limits = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, noDelay: true }
    const server = tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...tls })
    server.maxConnections = MOST_CONNECTIONS
    server.on('request', (request, response) => void this.#answerer.answer(request, response))
    server.on('listening', () => {
      // A connection that could not be accepted, because too many files are open for instance.
      server.on('error', failed)
    })
    return server
  }
}
