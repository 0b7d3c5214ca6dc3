import type { Socket } from 'node:net'
import type { Endpoint } from './socket-link.ts'

/**
 * Those who have connected and are not through the handshakes, of TLS or of AMQP. Only so many may be: for one more the
 * oldest has to go, as who means it takes a moment.
 */
export class Arrivals {
  readonly #most: number
  /** By the client's end, which a socket and the TLS over it have in common; the oldest first. */
  readonly #sockets = new Map<string, Socket>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#sockets.size
  }

  add(socket: Socket): void {
    const end = endOf(socket.remoteAddress, socket.remotePort)
    this.#sockets.set(end, socket)
    socket.once('close', () => {
      // The end may be another one's by now.
      if (this.#sockets.get(end) === socket) this.#sockets.delete(end)
    })
    if (this.#sockets.size <= this.#most) return
    for (const [oldest, arrived] of this.#sockets) {
      this.#sockets.delete(oldest)
      arrived.destroy()
      return
    }
  }

  /** It is through. */
  remove({ host, port }: Endpoint): void {
    this.#sockets.delete(endOf(host, port))
  }
}

function endOf(host = '', port = 0): string {
  return `${host} ${port}`
}
