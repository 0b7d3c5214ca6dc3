import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Outgoing, SendResult } from '../../transport/transport.ts'
import type { Declarer } from './declarer.ts'
import type { AmqpEngine, Publication, PublishResult } from './engine.ts'
import { toPublication } from './publication.ts'

const ACCEPTED: SendResult = { outcome: 'accepted' }
const NONE: ReadonlyMap<Outgoing['to'], Error> = new Map()

/** Publishes a batch as one, in order, and answers each entry. */
export class Sender {
  readonly #engine: AmqpEngine
  readonly #declarer: Declarer
  readonly #runtime: Runtime
  /** How often the link has been lost. */
  #losses = 0
  /** Ends when the batches that wait for their channels' declaration have gone out. */
  #turn: Promise<void> | undefined

  constructor(engine: AmqpEngine, declarer: Declarer, runtime: Runtime) {
    this.#engine = engine
    this.#declarer = declarer
    this.#runtime = runtime
  }

  /** The link is down. A batch that still waits is refused, like those before it: else it would overtake them. */
  linkLost(): void {
    this.#losses++
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const release = this.#runtime.hold('sending')
    const losses = this.#losses
    try {
      const undeclared = this.#turn !== undefined || !this.#isReady(batch) ? await this.#inTurn(batch) : NONE
      if (losses === this.#losses) return await this.#publish(batch, undeclared)
      const error = new WaybillError('WAYBILL_NOT_CONNECTED', 'the link broke before the batch was sent')
      return batch.map(() => ({ outcome: 'refused', error }))
    } finally {
      release()
    }
  }

  #isReady(batch: readonly Outgoing[]): boolean {
    return batch.every(({ to }) => to.kind === 'address' || this.#declarer.isReady(to))
  }

  /**
   * Only a channel's first message has to wait, but nothing handed over after it may overtake it. Returns why channels
   * could not be declared; the next batch tries them again.
   */
  async #inTurn(batch: readonly Outgoing[]): Promise<ReadonlyMap<Outgoing['to'], Error>> {
    const before = this.#turn ?? Promise.resolve()
    const failures = new Map<Outgoing['to'], Error>()
    const turn = before.then(async () => {
      for (const { to } of batch) {
        if (to.kind === 'address') continue
        await this.#declarer.ready(to).catch((error: unknown) => failures.set(to, asError(error)))
      }
    })
    this.#turn = turn
    await turn
    if (this.#turn === turn) this.#turn = undefined
    return failures
  }

  async #publish(
    batch: readonly Outgoing[],
    undeclared: ReadonlyMap<Outgoing['to'], Error>,
  ): Promise<readonly SendResult[]> {
    const now = this.#runtime.now()
    const publications: Publication[] = []
    const refusals = new Map<number, SendResult>()
    batch.forEach((outgoing, n) => {
      const publication = undeclared.get(outgoing.to) ?? toPublication(outgoing, now)
      if (publication instanceof Error) refusals.set(n, { outcome: 'refused', error: publication })
      else publications.push(publication)
    })
    const results = publications.length === 0 ? [] : await this.#engine.publish(publications)
    let next = 0
    return batch.map((outgoing, n) => refusals.get(n) ?? toSendResult(results[next++], outgoing))
  }
}

function toSendResult(result: PublishResult | undefined, { message, to }: Outgoing): SendResult {
  if (result === undefined) return { outcome: 'unknown', error: new Error('the engine gave no answer') }
  if (result.outcome === 'accepted') return ACCEPTED
  if (result.outcome === 'refused' || result.outcome === 'unknown') return result
  const where = to.kind === 'address' ? `return address ${to.address}` : `${to.kind} channel ${to.name}`
  const what = `nobody can receive ${message.kind} ${message.type} at ${where}`
  return { outcome: 'refused', error: new WaybillError('WAYBILL_UNROUTABLE', what) }
}
