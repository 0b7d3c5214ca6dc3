export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed; `undefined` without a body. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests say what they expect of it
  readonly body: any
}

/** Asks a management API. */
export class ApiClient {
  readonly #url: string
  readonly #authorization: string

  constructor(url: string, user = 'guest', password = 'guest') {
    this.#url = url
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  }

  as(user: string, password: string): ApiClient {
    return new ApiClient(this.#url, user, password)
  }

  get(path: string): Promise<ApiAnswer> {
    return this.ask('GET', path)
  }

  put(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.ask('PUT', path, body)
  }

  post(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.ask('POST', path, body)
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.ask('DELETE', path, undefined, headers)
  }

  /** @param body sent as JSON, a string as it is */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    const response = await fetch(`${this.#url}/api/${path}`, {
      method,
      headers: { authorization: this.#authorization, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
}
