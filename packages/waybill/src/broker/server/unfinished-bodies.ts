import { METHOD } from '../wire/methods/method-ids.ts'
import { ConnectionError } from '../wire/connection-error.ts'

/** A connection that has begun messages. */
export interface UnfinishedHolder {
  /** Closes it, on which it gives back what it holds. */
  refuse(error: ConnectionError): void
}

/** Bounds what the messages take that were begun on all connections together, and are not whole. */
export class UnfinishedBodies {
  readonly #mostBytes: number
  readonly #holders = new Map<UnfinishedHolder, number>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @param bytes more than before, or fewer when it is negative */
  changed(holder: UnfinishedHolder, bytes: number): void {
    const held = (this.#holders.get(holder) ?? 0) + bytes
    this.#bytes += bytes
    if (held === 0) this.#holders.delete(holder)
    else this.#holders.set(holder, held)
    if (bytes > 0 && this.#bytes > this.#mostBytes) this.#refuseLargest()
  }

  #refuseLargest(): void {
    let [largest, most]: [UnfinishedHolder | undefined, number] = [undefined, 0]
    for (const [holder, bytes] of this.#holders) if (bytes > most) [largest, most] = [holder, bytes]
    const what = `messages that are not whole take more than ${this.#mostBytes} octets, ${most} of them here`
    largest?.refuse(new ConnectionError(506, what, METHOD.basicPublish))
  }
}
