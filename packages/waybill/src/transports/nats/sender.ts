import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Outgoing, SendResult } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { foreignSubject } from './foreign.ts'
import { attributeText } from './header-text.ts'
import { MAX_DELAY_MS } from './limits.ts'
import { isStored } from './names.ts'
import type { Publication, PublishResult } from './publisher.ts'

const ACCEPTED: SendResult = { outcome: 'accepted' }
/** Why entries of a batch cannot be sent, and where foreign channels are. */
interface Readiness {
  readonly failures: ReadonlyMap<Outgoing['to'], Error>
  readonly subjects: ReadonlyMap<Outgoing['to'], string>
}
const READY: Readiness = { failures: new Map(), subjects: new Map() }

/** Publishes a batch as one, in order, and answers each entry. */
export class Sender {
  readonly #context: Context
  readonly #runtime: Runtime
  /** How often the link has been lost. */
  #losses = 0
  /** Ends when the batches that wait for their channels' declaration have gone out. */
  #turn: Promise<void> | undefined

  constructor(context: Context) {
    this.#context = context
    this.#runtime = context.runtime
  }

  /** The link is down. A batch that still waits is refused, like those before it: else it would overtake them. */
  linkLost(): void {
    this.#losses++
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const release = this.#runtime.hold('sending')
    const losses = this.#losses
    try {
      const readiness = this.#turn !== undefined || !batch.every((each) => this.#isReady(each)) ? await this.#inTurn(batch) : READY // prettier-ignore
      if (losses === this.#losses) return await this.#publish(batch, readiness)
      const error = new WaybillError('WAYBILL_NOT_CONNECTED', 'the link broke before the batch was sent')
      return batch.map(() => ({ outcome: 'refused', error }))
    } finally {
      release()
    }
  }

  #isReady({ to, delayMs }: Outgoing): boolean {
    if (to.kind === 'address') return true
    return (delayMs ?? 0) <= 0 && (to.foreign === undefined || !isStored(to)) && this.#context.declarer.isReady(to)
  }

  /** Only a channel's first message has to wait, but nothing handed over after it may overtake it. */
  async #inTurn(batch: readonly Outgoing[]): Promise<Readiness> {
    const before = this.#turn ?? Promise.resolve()
    const failures = new Map<Outgoing['to'], Error>()
    const subjects = new Map<Outgoing['to'], string>()
    const turn = before.then(async () => {
      for (const outgoing of batch) {
        const { to } = outgoing
        if (to.kind === 'address' || failures.has(to) || subjects.has(to)) continue
        try {
          if (to.foreign !== undefined && isStored(to))
            subjects.set(to, await foreignSubject(this.#context.wire().api, to.foreign))
          else await this.#context.declarer.ready(to)
          if ((outgoing.delayMs ?? 0) > 0 && isStored(to)) await this.#readyToDelay(to)
        } catch (error) {
          failures.set(to, asError(error))
        }
      }
    })
    this.#turn = turn
    await turn
    if (this.#turn === turn) this.#turn = undefined
    return { failures, subjects }
  }

  /** A delayed command is refused now where nobody has a place for it, not when it is due. */
  async #readyToDelay(channel: Channel): Promise<void> {
    const { names, wire, delays, declarer } = this.#context
    if (channel.foreign === undefined && (await wire().api.stream(names.stream(channel))) === undefined)
      throw unroutable(`${channel.kind} channel ${channel.name}`, 'a message')
    await declarer.side(channel)
    await delays.serve(channel)
  }

  async #publish(batch: readonly Outgoing[], readiness: Readiness): Promise<readonly SendResult[]> {
    const publications: Publication[] = []
    const refusals = new Map<number, SendResult>()
    const now = this.#runtime.now()
    for (const [n, outgoing] of batch.entries()) {
      const publication = readiness.failures.get(outgoing.to) ?? this.#publication(outgoing, readiness, now)
      if (publication instanceof Error) refusals.set(n, { outcome: 'refused', error: publication })
      else publications.push(publication)
    }
    const results = await this.#answers(publications)
    let next = 0
    const answers = batch.map((outgoing, n) => refusals.get(n) ?? toSendResult(results[next++], outgoing))
    return results.some(({ outcome }) => outcome === 'unroutable')
      ? await this.#again(batch, answers, refusals)
      : answers
  }

  async #answers(publications: readonly Publication[]): Promise<readonly PublishResult[]> {
    if (publications.length === 0) return []
    try {
      return await this.#context.wire().publisher.publish(publications)
    } catch (error) {
      return publications.map(() => ({ outcome: 'refused', error: asError(error) }))
    }
  }

  /** An event's stream has been deleted meanwhile: it is made again, once. Nobody else's answer changes by that. */
  async #again(
    batch: readonly Outgoing[],
    answers: SendResult[],
    refusals: ReadonlyMap<number, SendResult>,
  ): Promise<readonly SendResult[]> {
    const isEvent = ({ to }: Outgoing): boolean => to.kind === 'events' && to.foreign === undefined
    const missed = [...batch.entries()]
      .filter(([n, outgoing]) => isEvent(outgoing) && !refusals.has(n) && isUnroutable(answers[n]))
      .map(([n]) => n)
    if (missed.length === 0) return answers
    const entries = missed.map((n) => batch[n] as Outgoing)
    for (const { to } of entries) if (to.kind !== 'address') this.#context.declarer.forget(to)
    const readiness = await this.#inTurn(entries)
    const now = this.#runtime.now()
    const publications = entries.map(
      (each) => readiness.failures.get(each.to) ?? this.#publication(each, readiness, now),
    )
    const results = await this.#answers(publications.filter((each): each is Publication => !(each instanceof Error)))
    let next = 0
    for (const [index, n] of missed.entries()) {
      const made = publications[index]
      answers[n] = made instanceof Error ? { outcome: 'refused', error: made } : toSendResult(results[next++], batch[n] as Outgoing) // prettier-ignore
    }
    return answers
  }

  /** What to publish, or why it is refused unsent. */
  #publication(
    { message, to, delayMs = 0 }: Outgoing,
    { subjects }: Readiness,
    now: number,
  ): Publication | WaybillError {
    const { names, delays } = this.#context
    if (message.expiresAt !== undefined && message.expiresAt <= now + Math.max(0, delayMs)) {
      const what = `${message.kind} ${message.type} ${message.id} expired before it was sent`
      return new WaybillError('WAYBILL_EXPIRED', what)
    }
    if (delayMs > MAX_DELAY_MS)
      return new WaybillError('WAYBILL_LIMIT', `a delay of ${delayMs} ms; at most ${MAX_DELAY_MS}`)
    const messageId = message.id === '' ? undefined : messageIdOf(message.id, message.attempt)
    if (to.kind === 'address') {
      if (delayMs > 0) return new WaybillError('WAYBILL_UNSUPPORTED', 'a delayed reply: who asked is waiting now')
      const stored = names.isStoredAddress(to.address)
      return {
        subject: to.address,
        message,
        to: stored ? 'stream' : 'listener',
        messageId: stored ? messageId : undefined,
      }
    }
    if (!isStored(to)) {
      if (delayMs > 0)
        return new WaybillError('WAYBILL_UNSUPPORTED', `a delayed ${to.kind} to ${to.name}: it is for who listens now`)
      return { subject: names.subject(to, message), message, to: to.kind === 'query' ? 'listener' : 'anybody' }
    }
    const publication: Publication = { subject: subjects.get(to) ?? names.subject(to, message), message, to: 'stream', messageId } // prettier-ignore
    return delayMs > 0 ? delays.delayed(to, publication, now + delayMs) : publication
  }
}

/** A message that was put back, to be tried on from its attempt, is not the one that was sent first. */
function messageIdOf(id: string, attempt: number): string {
  const text = attributeText(id)
  return attempt === 1 ? text : `${text}/${attempt}`
}

function toSendResult(result: PublishResult | undefined, { message, to }: Outgoing): SendResult {
  if (result === undefined) return { outcome: 'unknown', error: new Error('the server gave no answer') }
  if (result.outcome === 'accepted') return ACCEPTED
  if (result.outcome === 'refused' || result.outcome === 'unknown') return result
  const where = to.kind === 'address' ? `return address ${to.address}` : `${to.kind} channel ${to.name}`
  return { outcome: 'refused', error: unroutable(where, `${message.kind} ${message.type}`) }
}

function unroutable(where: string, what: string): WaybillError {
  return new WaybillError('WAYBILL_UNROUTABLE', `nobody can receive ${what} at ${where}`)
}

function isUnroutable(result: SendResult | undefined): boolean {
  return (
    result?.outcome === 'refused' && result.error instanceof WaybillError && result.error.code === 'WAYBILL_UNROUTABLE'
  )
}
