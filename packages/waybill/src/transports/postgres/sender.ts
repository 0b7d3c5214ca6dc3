import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import { shardOf } from '../../message/shard.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { hasOneRecipient } from '../../transport/channel.ts'
import type { Outgoing, SendResult } from '../../transport/transport.ts'
import type { Declarer } from './declarer.ts'
import { MAX_BODY_BYTES, MAX_DELAY_MS } from './limits.ts'
import { channelKey } from './names.ts'
import type { Publication } from './publication.ts'
import type { Publisher, PublishResult } from './publisher.ts'

type Publish = (batch: readonly Publication[]) => Promise<readonly PublishResult[]>

const ACCEPTED: SendResult = { outcome: 'accepted' }
const NO_FAILURES: ReadonlyMap<Outgoing['to'], Error> = new Map()

/** Publishes a batch, in order, and answers each entry. */
export class Sender {
  readonly #publisher: () => Publisher
  readonly #declarer: Declarer
  readonly #runtime: Runtime
  /** Ends when the batches that wait for their channels' declaration have gone out. */
  #turn: Promise<void> | undefined

  /** @param publisher of the link of now; throws while it is down */
  constructor(publisher: () => Publisher, declarer: Declarer, runtime: Runtime) {
    this.#publisher = publisher
    this.#declarer = declarer
    this.#runtime = runtime
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const release = this.#runtime.hold('sending')
    try {
      // A batch that waited while the link was lost is refused, like those before it: else it would overtake them.
      const publisher = this.#publisher()
      const isReady =
        this.#turn === undefined && batch.every(({ to }) => to.kind === 'address' || this.#declarer.isReady(to))
      const failures = isReady ? NO_FAILURES : await this.#inTurn(batch)
      return await this.#publish(batch, (publications) => publisher.publish(publications), failures)
    } catch (error) {
      return batch.map(() => ({ outcome: 'refused', error: asError(error) }))
    } finally {
      release()
    }
  }

  /** Through `publish`, which rejects where nothing can be stored. */
  async sendBy(batch: readonly Outgoing[], publish: Publish): Promise<readonly SendResult[]> {
    return await this.#publish(batch, publish, await this.#inTurn(batch))
  }

  /** Only a channel's first message has to wait, but nothing handed over after it may overtake it. */
  async #inTurn(batch: readonly Outgoing[]): Promise<ReadonlyMap<Outgoing['to'], Error>> {
    const before = this.#turn ?? Promise.resolve()
    const failures = new Map<Outgoing['to'], Error>()
    const turn = before.then(async () => {
      for (const { to } of batch) {
        if (to.kind === 'address' || failures.has(to)) continue
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
    publish: Publish,
    failures: ReadonlyMap<Outgoing['to'], Error>,
  ): Promise<readonly SendResult[]> {
    const publications: Publication[] = []
    const refusals = new Map<number, SendResult>()
    const now = this.#runtime.now()
    for (const [n, outgoing] of batch.entries()) {
      const error = failures.get(outgoing.to) ?? refusalOf(outgoing, now)
      if (error === undefined) publications.push(publicationOf(outgoing))
      else refusals.set(n, { outcome: 'refused', error })
    }
    const results = publications.length === 0 ? [] : await publish(publications)
    let next = 0
    return batch.map((outgoing, n) => refusals.get(n) ?? toSendResult(results[next++], outgoing))
  }
}

function refusalOf({ message, to, delayMs = 0 }: Outgoing, now: number): Error | undefined {
  if (message.body.length > MAX_BODY_BYTES)
    return new WaybillError('WAYBILL_TOO_LARGE', `a body of ${message.body.length} bytes; at most ${MAX_BODY_BYTES}`)
  if (delayMs > MAX_DELAY_MS)
    return new WaybillError('WAYBILL_LIMIT', `a delay of ${delayMs} ms; at most ${MAX_DELAY_MS}`)
  if (delayMs > 0 && to.kind === 'address')
    return new WaybillError('WAYBILL_UNSUPPORTED', 'a delayed reply: who asked is waiting now')
  if (delayMs > 0 && to.kind === 'signals')
    return new WaybillError('WAYBILL_UNSUPPORTED', `a delayed signal to ${to.name}: it is for who listens now`)
  if (message.expiresAt !== undefined && message.expiresAt <= now + Math.max(0, delayMs))
    return new WaybillError(
      'WAYBILL_EXPIRED',
      `${message.kind} ${message.type} ${message.id} expired before it was sent`,
    )
  return undefined
}

function publicationOf({ message, to, delayMs = 0 }: Outgoing): Publication {
  if (to.kind === 'address') return { message, target: to.address, shard: 0, delayMs }
  const shard = message.key === undefined ? 0 : shardOf(message.key, to.shards)
  return { message, target: channelKey(to), shard, delayMs }
}

function toSendResult(result: PublishResult | undefined, { message, to }: Outgoing): SendResult {
  if (result === undefined || result.outcome === 'accepted') return ACCEPTED
  if (result.outcome !== 'unrouted') return result
  if (to.kind !== 'address' && !hasOneRecipient(to.kind)) return ACCEPTED
  const where = to.kind === 'address' ? `return address ${to.address}` : `${to.kind} channel ${to.name}`
  return { outcome: 'refused', error: new WaybillError('WAYBILL_UNROUTABLE', `nobody receives ${message.type} ${message.id} at ${where}`) } // prettier-ignore
}
