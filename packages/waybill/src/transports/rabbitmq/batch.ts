import type { Publication, PublishResult } from '../amqp/engine.ts'
import { isDelayed } from './route.ts'

const UNROUTABLE: PublishResult = Object.freeze({ outcome: 'unroutable' })
/** Returned by the broker, and not yet confirmed: the return comes first. */
const RETURNED: PublishResult = Object.freeze({ outcome: 'unroutable' })

/** The publications of one call, and their answers. One promise for all of them. */
export class Batch {
  readonly publications: readonly Publication[]
  /** The first that is not written yet. */
  next = 0
  readonly #results: (PublishResult | undefined)[]
  #open: number
  readonly #resolve: (results: readonly PublishResult[]) => void

  constructor(publications: readonly Publication[], resolve: (results: readonly PublishResult[]) => void) {
    this.publications = publications
    this.#results = Array.from<PublishResult | undefined>({ length: publications.length })
    this.#open = publications.length
    this.#resolve = resolve
  }

  get isWritten(): boolean {
    return this.next === this.publications.length
  }

  /** Answers a publication; `false` when it was answered before. */
  answer(index: number, result: PublishResult): boolean {
    const before = this.#results[index]
    if (before !== undefined && before !== RETURNED) return false
    this.#results[index] = before === RETURNED ? UNROUTABLE : result
    if (--this.#open === 0) this.#resolve(this.#results as PublishResult[]) // all answered
    return true
  }

  /** Answers all that are not written, so that they never will be. */
  answerRest(result: PublishResult): void {
    while (this.next < this.publications.length) this.answer(this.next++, result)
  }

  /** Whether `index` is this returned message; marks it when so. */
  markReturned(index: number, exchange: string, routingKey: string, messageId: string): boolean {
    const publication = this.publications[index] as Publication // callers stay below length
    if (publication.message.id !== messageId || this.#results[index] !== undefined) return false
    if (publication.routingKey !== routingKey) return false
    // A delayed publication is always mandatory, and written to an exchange that keeps its routing key; or to the delay
    // ladder, whose rungs always take it.
    if (isDelayed(publication) ? exchange === '' : !publication.mandatory || publication.exchange !== exchange)
      return false
    this.#results[index] = RETURNED
    return true
  }
}
