import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { ErrorCode } from '../../message/error-codes.ts'
import { isWaybillError, type WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { ReplyError } from '../reply-error.ts'
import { basicCredentials } from './http/basic-credentials.ts'
import { badRequest, HttpError, noSuchObject, notAuthorised } from './http/http-error.ts'
import { readBody } from './http/read-body.ts'
import type { Reply } from './http/reply.ts'
import type { Router, Found } from './http/router.ts'
import { writeError, writeReply } from './http/write-reply.ts'
import type { ManagementUser } from './management-user.ts'

/** Who comes in with these credentials from there; `undefined` is nobody. */
export type Login = (user: string, password: string, remoteAddress: string) => Promise<ManagementUser | undefined>

export interface AnswererOptions {
  readonly router: Router
  readonly runtime: Runtime
  readonly login: Login
  /** The listener has a loopback address: who reaches it by another name was led there by a web page (DNS rebinding). */
  readonly isLocal: boolean
  /** A fault in the program: the request is answered with 500. */
  readonly failed: (error: unknown) => void
}

/** Answers requests: finds who asks, the route, and what it says. */
export class RequestAnswerer {
  readonly #options: AnswererOptions

  constructor(options: AnswererOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { pathname, searchParams } = addressOf(request)
      const reply = await this.#reply(request, response, pathname, searchParams)
      if (reply !== undefined) await writeReply(response, reply, searchParams, this.#options.runtime)
    } catch (error) {
      this.#fail(request, response, error)
    }
  }

  /** `undefined` when the response has been given. */
  async #reply(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<Reply | undefined> {
    const { isLocal, router } = this.#options
    if (isLocal && !isLocalName(request.headers.host ?? ''))
      throw new HttpError(421, 'misdirected_request', 'this address goes by the name of localhost alone')
    const { method = '' } = request
    const found = router.find(method === 'HEAD' ? 'GET' : method, path)
    if (found === undefined) throw noSuchObject()
    if ('allowed' in found) {
      const allow = found.allowed.flatMap((each) => (each === 'GET' ? ['HEAD', 'GET'] : [each]))
      response.writeHead(method === 'OPTIONS' ? 200 : 405, {
        allow: [...allow, 'OPTIONS'].join(', '),
        'content-length': 0,
      })
      response.end()
      return undefined
    }
    const user = await this.#login(request)
    if (user !== undefined) return handle(found, user, request, query)
    response.setHeader('www-authenticate', 'Basic realm="RabbitMQ Management"')
    throw new HttpError(401, 'not_authorized', 'Login failed')
  }

  async #login({ headers, socket }: IncomingMessage): Promise<ManagementUser | undefined> {
    const credentials = basicCredentials(headers.authorization)
    if (credentials === undefined) return undefined
    return this.#options.login(credentials.user, credentials.password, socket.remoteAddress ?? '')
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const known = httpError(error)
    // What breaks off while it is read or written is the client's own doing.
    if (known === undefined && !request.destroyed) this.#options.failed(error)
    if (response.headersSent) return void response.destroy()
    // The rest of a body that nobody reads need not come.
    if (!request.complete) response.setHeader('connection', 'close')
    writeError(response, known ?? new HttpError(500, 'internal_error', 'see the log of the broker'))
  }
}

async function handle(
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

/** What the one who asks can mend. */
const MENDABLE: readonly ErrorCode[] = [
  'WAYBILL_LIMIT',
  'WAYBILL_REFUSED',
  'WAYBILL_MALFORMED',
  'WAYBILL_INVALID_DEFINITION',
]

function httpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error
  if (error instanceof ReplyError) return refused(error)
  if (!isWaybillError(error)) return undefined
  return MENDABLE.includes(error.code)
    ? badRequest(whatOf(error))
    : new HttpError(503, 'service_unavailable', whatOf(error))
}

/** The first line, without the code. */
function whatOf({ code, message }: WaybillError): string {
  return (message.split('\n')[0] ?? '').replace(`${code}: `, '')
}

/** As RabbitMQ words what its broker refuses. */
function refused({ replyCode, what }: ReplyError): HttpError {
  if (replyCode === 403) return notAuthorised(what)
  return replyCode === 404 ? new HttpError(404, 'not_found', what) : badRequest(what)
}

/** @throws {HttpError} 400 */
function addressOf({ url = '/' }: IncomingMessage): URL {
  const parsed = URL.parse(url.startsWith('/') ? `http://host${url}` : url)
  if (parsed === null) throw badRequest('the address cannot be read')
  return parsed
}

function isLocalName(host: string): boolean {
  const name = host.replace(/:\d+$/, '')
  return /^(.+\.)?localhost$/i.test(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}
