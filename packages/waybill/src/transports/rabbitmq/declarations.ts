import type { Channel } from 'amqplib'
import { operationError } from './amqp-errors.ts'

/**
 * Declares entities, one operation after another, on a channel of its own: a refused operation closes its channel, which
 * must not be one that others publish or consume on. The next operation opens another.
 */
export class Declarations {
  readonly #open: () => Promise<Channel>
  #channel: Promise<Channel> | undefined
  /** The end of the queue of operations. Its bound is its callers, who await. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param open opens a channel on the present connection; throws while there is none */
  constructor(open: () => Promise<Channel>) {
    this.#open = open
  }

  /** @param entity for the error's text: `queue orders` */
  run<T>(entity: string, operation: (channel: Channel) => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      try {
        return await operation(await (this.#channel ??= this.#openChannel(this.#open)))
      } catch (error) {
        throw operationError(entity, error)
      }
    })
    // Each caller gets its own failure; the next operation starts either way.
    this.#last = done.catch(() => undefined)
    return done
  }

  /** On a new connection: opens the first channel by `open`. */
  async up(open: () => Promise<Channel>): Promise<void> {
    this.#channel = this.#openChannel(open)
    await this.#channel
  }

  #openChannel(open: () => Promise<Channel>): Promise<Channel> {
    const opening = (async () => {
      const channel = await open()
      const forget = (): void => {
        if (this.#channel === opening) this.#channel = undefined
      }
      // The operation that closed the channel rejects with the reason; without a listener amqplib would throw it.
      channel.on('error', forget)
      channel.on('close', forget)
      return channel
    })()
    opening.catch(() => {
      if (this.#channel === opening) this.#channel = undefined
    })
    return opening
  }
}
