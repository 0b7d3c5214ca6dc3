import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { FaultProxy } from '../../testing/fault-proxy.ts'

/**
 * One address for the two connections of a pair, each of which goes through a proxy of its own, in turns: so that a fault
 * can strike one of them. The first of a pair is the publishing one.
 */
export class Fork {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly publishing: FaultProxy
  readonly consuming: FaultProxy
  /** Connections so far. */
  accepted = 0

  private constructor(publishing: FaultProxy, consuming: FaultProxy) {
    this.publishing = publishing
    this.consuming = consuming
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client))
  }

  static async open(host: string, port: number): Promise<Fork> {
    const fork = new Fork(await FaultProxy.open({ host, port }), await FaultProxy.open({ host, port }))
    fork.#server.listen(0, '127.0.0.1')
    await once(fork.#server, 'listening')
    return fork
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port // it listens on TCP
  }

  /** Open connections: of the publishing side, of the consuming side, and those of clients. */
  get connections(): readonly [publishing: number, consuming: number, clients: number] {
    return [this.publishing.connections, this.consuming.connections, this.#sockets.size]
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await this.publishing.close()
    await this.consuming.close()
  }

  #accept(client: Socket): void {
    const { port } = this.accepted++ % 2 === 0 ? this.publishing : this.consuming
    this.#sockets.add(client)
    const target = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      socket.on('error', () => undefined)
      socket.on('data', (chunk: Buffer) => other.write(chunk))
      socket.on('end', () => other.end())
      socket.on('close', () => other.destroySoon())
    }
    client.on('close', () => this.#sockets.delete(client))
  }
}
