/** Looks at the broker, and tidies it up, through its management API. */
export class Operator {
  readonly #api: string

  constructor(port: number) {
    this.#api = `http://127.0.0.1:${port}/api`
  }

  /** All but the one that is kept. Those in use exclusively stay. */
  async deleteQueues(kept: string): Promise<void> {
    for (const { name } of await this.#queues())
      if (name !== kept) await this.#ask(`/queues/%2F/${encodeURIComponent(name)}`, 'DELETE')
  }

  /** Of those who are gone: connections, channels, consumers, exclusive queues. */
  async leftovers(kept: string): Promise<readonly string[]> {
    const left: string[] = []
    for (const { name, consumers, exclusive } of await this.#queues()) {
      if (name === kept) continue
      if (exclusive) left.push(`the exclusive queue ${name} is left`)
      if (consumers > 0) left.push(`${consumers} consumers of ${name} are left`)
    }
    const connections = (await (await this.#ask('/connections')).json()) as readonly unknown[]
    if (connections.length > 1) left.push(`${connections.length - 1} connections are left`)
    return left
  }

  async #queues(): Promise<readonly Queue[]> {
    return (await (await this.#ask('/queues')).json()) as readonly Queue[] // as the API says
  }

  #ask(path: string, method = 'GET'): Promise<Response> {
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`
    return fetch(`${this.#api}${path}`, { method, headers: { authorization } })
  }
}

interface Queue {
  readonly name: string
  readonly consumers: number
  readonly exclusive: boolean
}
