// A transport over a link that does what a script says: stores, loses, answers late, goes down and comes up again.
import { WaybillError } from '../../message/errors.ts'
import type { Outgoing, SendResult, Transport } from '../../transport/transport.ts'

interface Handed {
  readonly batch: readonly Outgoing[]
  stored: number
  readonly resolve: (results: readonly SendResult[]) => void
}

const notConnected = new WaybillError('WAYBILL_NOT_CONNECTED', 'the link is down')

export class ScriptedLink {
  /** Ids in the order in which the broker stored them; a repeated one was sent again. */
  readonly stored: string[] = []
  readonly transport: Pick<Transport, 'send'>
  #up = true
  #onWire: Handed[] = []
  #lateAnswers: (() => void)[] = []

  constructor() {
    this.transport = { send: (batch) => new Promise((resolve) => this.#send({ batch, stored: 0, resolve })) }
  }

  #send(handed: Handed): void {
    if (this.#up) this.#onWire.push(handed)
    else
      this.#answer(
        handed,
        handed.batch.map(() => ({ outcome: 'refused', error: notConnected })),
      )
  }

  /** Stores the next `count` messages on the wire, in order; a batch that is stored is answered. */
  store(count: number): void {
    for (let left = count; left > 0; left--) {
      const [head] = this.#onWire
      const next = head?.batch[head.stored]
      if (head === undefined || next === undefined) return
      this.stored.push(next.message.id)
      if (++head.stored < head.batch.length) continue
      this.#onWire.shift()
      head.resolve(head.batch.map(() => ({ outcome: 'accepted' })))
    }
  }

  /** The link breaks when `storedUnseen` more messages have reached the broker; whoever waits is told when `tell` is called. */
  cut(storedUnseen: number): void {
    if (!this.#up) return
    this.#up = false
    let left = storedUnseen
    for (const handed of this.#onWire.splice(0)) {
      const confirmed = handed.stored
      for (; left > 0 && handed.stored < handed.batch.length; left--) {
        const next = handed.batch[handed.stored++]
        if (next !== undefined) this.stored.push(next.message.id)
      }
      this.#answer(
        handed,
        handed.batch.map((_, n) =>
          n < confirmed ? { outcome: 'accepted' } : { outcome: 'unknown', error: new Error('the link broke') },
        ),
      )
    }
  }

  /** Gives the oldest answer that is outstanding since a cut. */
  tell(): void {
    this.#lateAnswers.shift()?.()
  }

  up(): void {
    this.#up = true
  }

  #answer(handed: Handed, results: readonly SendResult[]): void {
    this.#lateAnswers.push(() => handed.resolve(results))
  }
}
