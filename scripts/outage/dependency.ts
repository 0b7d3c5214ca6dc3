import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An HTTP service on 127.0.0.1 that can be away: then its connections are cut, and new ones refused. */
export class Dependency {
  /** Calls that were made, answered or not. */
  calls = 0
  #server: Server | undefined
  #port = 0

  async up(): Promise<void> {
    this.#server = createServer((request, response) => {
      request.resume()
      request.on('end', () => void response.writeHead(204).end())
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port // of a TCP server
  }

  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  /** @throws when it is away, or answers badly */
  async call(signal: AbortSignal): Promise<void> {
    this.calls++
    const response = await fetch(`http://127.0.0.1:${this.#port}/`, { method: 'POST', body: '{}', signal })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`status ${response.status}`)
  }
}
