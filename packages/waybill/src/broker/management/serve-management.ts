import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP, type AddressInfo } from 'node:net'
import type { ErrorCode } from '../../message/error-codes.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { isLoopback } from '../process/credentials.ts'
import { ReplyError } from '../reply-error.ts'
import { listenError } from '../server/listen.ts'
import { basicCredentials } from './http/basic-credentials.ts'
import { badRequest, HttpError, noSuchObject, notAuthorised } from './http/http-error.ts'
import { readBody } from './http/read-body.ts'
import type { Reply } from './http/reply.ts'
import type { Route } from './http/route.ts'
import { Router, type Found } from './http/router.ts'
import { writeError, writeReply } from './http/write-reply.ts'
import type { ManagementUser } from './management-user.ts'

export interface ServeManagementOptions {
  readonly runtime: Runtime
  /** Address to listen on. */
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
  readonly routes: Iterable<Route>
  /** Who comes in with these credentials from there; `undefined` is nobody. */
  login(user: string, password: string, remoteAddress: string): Promise<ManagementUser | undefined>
  /** A fault in the program: the request is answered with 500. */
  failed(error: unknown): void
  /** Nobody asks any more. */
  closed?(): void
}

/** More than a dashboard, its browsers and a few scripts need. */
const MOST_CONNECTIONS = 256
/** A request, with its body, has to arrive within so long. */
const REQUEST_MS = 60_000
const HEADERS_MS = 10_000

/**
 * Answers the management API over HTTP.
 *
 * @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE`; what else keeps it from listening is the native error
 */
export async function serveManagement(options: ServeManagementOptions): Promise<ManagementServer> {
  const server = new ManagementServer(options)
  await server.listen()
  return server
}

export class ManagementServer {
  readonly #options: ServeManagementOptions
  readonly #router: Router
  readonly #server: Server
  /** Who reaches a loopback address by another name was led there by a web page (DNS rebinding). */
  readonly #isLocal: boolean

  constructor(options: ServeManagementOptions) {
    this.#options = options
    this.#router = new Router(options.routes)
    this.#isLocal = isLoopback(options.host)
    this.#server = createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, noDelay: true },
      (request, response) => void this.#answer(request, response),
    )
    this.#server.maxConnections = MOST_CONNECTIONS
  }

  get host(): string {
    return this.#options.host
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port // it listens on a port, not on a pipe
  }

  listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      // Later ones are of connections that could not be accepted: too many files are open, for instance.
      this.#server.on('error', (error) =>
        this.#server.listening ? this.#options.failed(error) : reject(listenError(error, host, port)),
      )
      this.#server.listen({ host, port }, resolve)
    })
  }

  /** Ends what is under way after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const timer = this.#options.runtime.setTimer(deadlineMs, () => this.#server.closeAllConnections())
    await closed
    timer.cancel()
    this.#options.closed?.()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { pathname, searchParams } = addressOf(request)
      const reply = await this.#reply(request, response, pathname, searchParams)
      if (reply !== undefined) await writeReply(response, reply, searchParams, this.#options.runtime)
    } catch (error) {
      this.#fail(request, response, error)
    }
  }

  async #reply(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<Reply | undefined> {
    if (this.#isLocal && !isLocalName(request.headers.host ?? ''))
      throw new HttpError(421, 'misdirected_request', 'this address goes by the name of localhost alone')
    const { method = '' } = request
    const found = this.#router.find(method === 'HEAD' ? 'GET' : method, path)
    if (found === undefined) throw noSuchObject()
    if ('allowed' in found) {
      const allow = found.allowed.flatMap((each) => (each === 'GET' ? ['HEAD', 'GET'] : [each]))
      response.writeHead(method === 'OPTIONS' ? 200 : 405, {
        allow: [...allow, 'OPTIONS'].join(', '),
        'content-length': 0,
      })
      return void response.end()
    }
    const user = await this.#login(request)
    if (user !== undefined) return this.#handle(found, user, request, query)
    response.setHeader('www-authenticate', 'Basic realm="RabbitMQ Management"')
    throw new HttpError(401, 'not_authorized', 'Login failed')
  }

  async #login({ headers, socket }: IncomingMessage): Promise<ManagementUser | undefined> {
    const credentials = basicCredentials(headers.authorization)
    if (credentials === undefined) return undefined
    return this.#options.login(credentials.user, credentials.password, socket.remoteAddress ?? '')
  }

  async #handle(
    { route, params }: Found,
    user: ManagementUser,
    request: IncomingMessage,
    query: URLSearchParams,
  ): Promise<Reply> {
    user.require(route.needs)
    return route.handle({
      params,
      query,
      user,
      header: (name) => {
        const value = request.headers[name]
        return typeof value === 'string' ? value : undefined
      },
      body: () => readBody(request, route.maxBodyBytes),
    })
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const known = httpError(error)
    // What breaks off while it is read or written is the client's own doing.
    if (known === undefined && !request.destroyed) this.#options.failed(error)
    if (response.headersSent) return void response.destroy()
    // The rest of a body that nobody reads would be taken for the next request.
    if (!request.complete) response.setHeader('connection', 'close')
    writeError(response, known ?? new HttpError(500, 'internal_error', 'see the log of the broker'))
  }
}

/** What the one who asks can mend. */
const ASKED_TOO_MUCH: readonly ErrorCode[] = ['WAYBILL_LIMIT', 'WAYBILL_REFUSED', 'WAYBILL_MALFORMED']

function httpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error
  if (error instanceof ReplyError) return refused(error)
  if (!isWaybillError(error)) return undefined
  return ASKED_TOO_MUCH.includes(error.code)
    ? badRequest(error.message)
    : new HttpError(503, 'service_unavailable', error.message)
}

/** As RabbitMQ words what its broker refuses. */
function refused({ replyCode, what }: ReplyError): HttpError {
  if (replyCode === 403) return notAuthorised(what)
  return replyCode === 404 ? new HttpError(404, 'not_found', what) : badRequest(what)
}

/** @throws {HttpError} 400 */
function addressOf({ url = '/' }: IncomingMessage): URL {
  const parsed = URL.parse(url.startsWith('/') ? `http://host${url}` : url)
  if (parsed === null) throw new HttpError(400, 'bad_request', 'the address cannot be read')
  return parsed
}

function isLocalName(host: string): boolean {
  const name = host.replace(/:\d+$/, '')
  return /^(.+\.)?localhost$/i.test(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}
