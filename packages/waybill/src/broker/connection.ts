import type { Guard } from './access/guard.ts'
import { Channel } from './channel/channel.ts'
import type { Queue } from './queue/queue.ts'
import { ReplyError } from './reply-error.ts'

/** Who uses the broker: owns exclusive queues and channels, which go with it. */
export class Connection {
  /** What it may do here. */
  readonly guard: Guard
  readonly #vhost: string
  readonly #findQueue: (name: string) => Queue | undefined
  readonly #ended: (connection: Connection) => void
  readonly #channels = new Set<Channel>()

  /**
   * @param vhost name of the virtual host, for errors
   * @param ended deletes the exclusive queues of the connection
   */
  constructor(
    vhost: string,
    guard: Guard,
    findQueue: (name: string) => Queue | undefined,
    ended: (connection: Connection) => void,
  ) {
    this.guard = guard
    this.#vhost = vhost
    this.#findQueue = findQueue
    this.#ended = ended
  }

  openChannel(): Channel {
    const channel = new Channel(
      (name) => this.readable(name),
      (closed) => void this.#channels.delete(closed),
    )
    this.#channels.add(channel)
    return channel
  }

  /** A queue whose messages may be taken; throws as `queue`, and 403. */
  readable(name: string): Queue {
    this.guard.require('read', 'queue', name)
    return this.queue(name)
  }

  /** @throws {ReplyError} 404 when there is no such queue, 405 when it is another connection's own */
  queue(name: string): Queue {
    const queue = this.#findQueue(name)
    if (queue === undefined) throw new ReplyError(404, `no queue '${name}' in vhost '${this.#vhost}'`)
    this.requireAccess(queue)
    return queue
  }

  /** @throws {ReplyError} 405 when the queue is another connection's own */
  requireAccess(queue: Queue): void {
    if (queue.owner !== undefined && queue.owner !== this) {
      throw new ReplyError(
        405,
        `cannot obtain exclusive access to locked queue '${queue.name}' in vhost '${this.#vhost}'`,
      )
    }
  }

  close(): void {
    for (const channel of this.#channels) channel.close()
    this.#ended(this)
  }
}
