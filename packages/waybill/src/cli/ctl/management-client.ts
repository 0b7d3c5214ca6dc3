import { isJsonObject, type Json, type JsonObject } from '../../broker/wire/json.ts'
import { CtlError, EXIT } from './ctl-error.ts'

export interface ManagementAddress {
  /** http://host:port */
  readonly url: string
  readonly user: string
  readonly password: string
}

/** An answer other than 2xx. */
export class RefusedRequest extends CtlError {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string) {
    super(status === 401 ? EXIT.noUser : EXIT.unavailable, reason)
    this.status = status
    this.reason = reason
  }
}

/** An import may take long; everything else is quick. */
const TIMEOUT_MS = 60_000

/** Asks the management API of a broker. */
export class ManagementClient {
  readonly #address: ManagementAddress

  constructor(address: ManagementAddress) {
    this.#address = address
  }

  as(user: string, password: string): ManagementClient {
    return new ManagementClient({ ...this.#address, user, password })
  }

  /** Objects of a list, whole. */
  async list(...path: readonly string[]): Promise<readonly JsonObject[]> {
    const value = await this.#ask('GET', path)
    return Array.isArray(value) ? value.filter(isJsonObject) : []
  }

  async get(...path: readonly string[]): Promise<JsonObject> {
    const value = await this.#ask('GET', path)
    return isJsonObject(value) ? value : {}
  }

  async put(path: readonly string[], body: JsonObject): Promise<void> {
    await this.#ask('PUT', path, body)
  }

  async post(path: readonly string[], body: JsonObject): Promise<void> {
    await this.#ask('POST', path, body)
  }

  async delete(
    path: readonly string[],
    headers: Readonly<Record<string, string>> = {},
    query: Readonly<Record<string, string | boolean>> = {},
  ): Promise<void> {
    await this.#ask('DELETE', path, undefined, headers, query)
  }

  /** @throws {RefusedRequest} */
  async #ask(
    method: string,
    path: readonly string[],
    body?: JsonObject,
    headers: Readonly<Record<string, string>> = {},
    query: Readonly<Record<string, string | boolean>> = {},
  ): Promise<Json> {
    const { url, user, password } = this.#address
    const request: RequestInit = {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) search.set(name, String(value))
    const address = `${url}/api/${path.map(encodeURIComponent).join('/')}?${search.toString()}`
    const response = await fetch(address, request).catch((error: unknown) => {
      throw new CtlError(EXIT.unavailable, `${url} does not answer: ${causeOf(error)}`)
    })
    const text = await response.text()
    const value = jsonOf(text)
    if (response.ok) return value
    const reason = isJsonObject(value) ? value['reason'] : undefined
    throw new RefusedRequest(response.status, typeof reason === 'string' ? reason : `${response.status} ${text}`)
  }
}

function jsonOf(text: string): Json {
  try {
    return text === '' ? null : (JSON.parse(text) as Json) // JSON.parse makes nothing else
  } catch {
    return text
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error ? cause.message : String(cause)
}
