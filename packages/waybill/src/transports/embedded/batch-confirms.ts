import type { ConfirmSink, PublishOutcome } from '../../broker/message.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Publication, PublishResult } from '../amqp/engine.ts'

const ACCEPTED: PublishResult = { outcome: 'accepted' }
const UNROUTABLE: PublishResult = { outcome: 'unroutable' }

/** Gathers what became of the publications of a batch, each told by its place there. */
export class BatchConfirms implements ConfirmSink {
  readonly #batch: readonly Publication[]
  readonly #results: PublishResult[]
  readonly #done: (results: readonly PublishResult[]) => void
  #waiting: number

  /** @param done called when all of them are known; the batch is not empty */
  constructor(batch: readonly Publication[], done: (results: readonly PublishResult[]) => void) {
    this.#batch = batch
    this.#results = batch.map(() => ACCEPTED)
    this.#done = done
    this.#waiting = batch.length
  }

  confirmed(at: number, outcome: PublishOutcome, error: Error | undefined): void {
    if (outcome === 'refused') {
      this.#results[at] = { outcome, error: error ?? new WaybillError('WAYBILL_REFUSED', 'refused') }
    } else if (outcome === 'unroutable' && this.#batch[at]?.mandatory === true) this.#results[at] = UNROUTABLE
    if (--this.#waiting === 0) this.#done(this.#results)
  }
}
