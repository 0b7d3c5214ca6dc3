import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Connection } from './connection.ts'
import type { Channels, Subscriber } from './subscriber.ts'

export interface Listening {
  readonly channels: Channels
  heard(payload: Buffer): void
  /** The connection on which it was has gone; the link has not. It listens no more. */
  lost(error: Error): void
}

/** Who listens to what is published, on one connection for all, which is made when the first one listens. */
export class Published {
  readonly #connection: () => Connection
  readonly #listenings = new Map<Listening, (payload: Buffer) => void>()
  #subscriber: Promise<Subscriber> | undefined

  constructor(connection: () => Connection) {
    this.#connection = connection
  }

  /** Resolves when the server publishes to it. @throws {WaybillError} WAYBILL_ACCESS_REFUSED, WAYBILL_NOT_CONNECTED */
  async listen(listening: Listening): Promise<void> {
    const opening = (this.#subscriber ??= this.#open())
    const subscriber = await opening
    const heard = (payload: Buffer): void => listening.heard(payload)
    this.#listenings.set(listening, heard)
    try {
      await subscriber.listen(listening.channels, heard)
      if (this.#subscriber !== opening)
        throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the link broke while a subscription was made')
    } catch (error) {
      this.#listenings.delete(listening)
      throw error
    }
  }

  /** Nothing comes any more when it resolves. */
  async leave(listening: Listening): Promise<void> {
    const heard = this.#listenings.get(listening)
    this.#listenings.delete(listening)
    if (heard === undefined) return
    const subscriber = await this.#subscriber?.catch(() => undefined)
    await subscriber?.leave(listening.channels, heard)
  }

  /** The link is down, or is to go: nobody listens any more. */
  reset(): void {
    const opened = this.#subscriber
    this.#subscriber = undefined
    this.#listenings.clear()
    opened?.then(
      (subscriber) => subscriber.destroy(),
      () => undefined, // who opened it was told
    )
  }

  #open(): Promise<Subscriber> {
    const opening: Promise<Subscriber> = this.#connection()
      .subscriber((error) => this.#lost(opening, error))
      .catch((thrown: unknown) => {
        if (this.#subscriber === opening) this.#subscriber = undefined
        throw asError(thrown)
      })
    return opening
  }

  #lost(subscriber: Promise<Subscriber>, error: Error): void {
    if (this.#subscriber !== subscriber) return
    const listenings = [...this.#listenings.keys()]
    this.reset()
    for (const listening of listenings) listening.lost(error)
  }
}
