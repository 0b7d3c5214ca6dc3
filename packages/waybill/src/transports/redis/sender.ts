import { asError } from '../../message/as-error.ts'
import { toEnvelope } from '../../message/cloudevents-envelope.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Outgoing, SendResult } from '../../transport/transport.ts'
import { text, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { MAX_DELAY_MS } from './limits.ts'
import { bodyOf, encodeAttributes } from './message-mapping.ts'
import { shardOfMessage, shardsOf } from './names.ts'

const ACCEPTED: SendResult = { outcome: 'accepted' }

/** What one run of a script stores at most: the server does nothing else meanwhile. */
const MOST_ENTRIES = 256
const MOST_BYTES = 1 * 2 ** 20

/** Messages for one place, as the arguments of one script. */
interface Parcel {
  readonly script: 'publish' | 'answer'
  readonly key: string
  readonly args: (string | Buffer | number)[]
  readonly indexes: number[]
  bytes: number
}

/** Sends a batch as one script for each channel, in order, and each signal by itself; answers each entry. All of one call goes out in one turn. */
export class Sender {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const results: SendResult[] = []
    const parcels: Parcel[] = []
    const open = new Map<string, Parcel>()
    const signals: [index: number, outgoing: Outgoing, channel: Channel][] = []
    const now = this.#context.runtime.now()
    for (const [index, outgoing] of batch.entries()) {
      const error = this.#refusal(outgoing, now)
      if (error !== undefined) results[index] = { outcome: 'refused', error }
      else if (outgoing.to.kind === 'signals') signals.push([index, outgoing, outgoing.to])
      else this.#add(outgoing, index, parcels, open)
    }
    const release = this.#context.runtime.hold('sending')
    try {
      await Promise.all([
        ...signals.map(async ([index, outgoing, channel]) => {
          results[index] = await this.#publish(outgoing, channel)
        }),
        ...parcels.map(async (parcel) => {
          const result = await this.#store(parcel)
          for (const index of parcel.indexes) results[index] = typeof result === 'function' ? result(batch[index] as Outgoing) : result // prettier-ignore
        }),
      ])
    } finally {
      release()
    }
    return results
  }

  #add({ to, message, delayMs = 0 }: Outgoing, index: number, parcels: Parcel[], open: Map<string, Parcel>): void {
    const key = to.kind === 'address' ? to.address : this.#context.names.base(to)
    let parcel = open.get(key)
    if (parcel === undefined || parcel.indexes.length >= MOST_ENTRIES || parcel.bytes >= MOST_BYTES) {
      parcel = this.#parcel(to, key)
      open.set(key, parcel)
      parcels.push(parcel)
    }
    if (delayMs > 0 && to.kind !== 'address') this.#context.later.serve(to)
    if (parcel.script === 'publish')
      parcel.args.push(to.kind === 'address' ? 0 : shardOfMessage(to, message), Math.max(0, Math.ceil(delayMs)))
    const attributes = encodeAttributes(message)
    parcel.args.push(attributes, bodyOf(message))
    parcel.bytes += attributes.length + message.body.length
    parcel.indexes.push(index)
  }

  #parcel(to: Outgoing['to'], key: string): Parcel {
    const { names, settings, declarer } = this.#context
    const { maxLength } = settings
    if (to.kind === 'address' && names.isHere(to.address))
      return { script: 'answer', key, args: [maxLength], indexes: [], bytes: 0 }
    const history = to.kind === 'address' ? undefined : to.retentionMs
    const args = [
      to.kind === 'address' ? 'one' : modeOf(to),
      to.kind === 'address' ? 1 : shardsOf(to),
      maxLength,
      history ?? settings.historyMs,
      history === undefined ? 0 : 1,
      to.kind === 'address' ? '' : (to.foreign ?? ''),
    ]
    if (to.kind === 'events' || to.kind === 'survey') declarer.uses(to)
    return { script: 'publish', key, args, indexes: [], bytes: 0 }
  }

  async #store({ script, key, args }: Parcel): Promise<SendResult | ((outgoing: Outgoing) => SendResult)> {
    try {
      const answer = await this.#context.connection().run(script, key, args)
      return text(answer[0]) === 'OK' ? ACCEPTED : (outgoing) => ({ outcome: 'refused', error: refused(answer, outgoing) }) // prettier-ignore
    } catch (thrown) {
      return failed(thrown)
    }
  }

  /** Ordinary clients read the body alone on a channel of theirs; on ours, the whole CloudEvent: Pub/Sub has no headers. */
  async #publish({ message }: Outgoing, channel: Channel): Promise<SendResult> {
    const { connection, names } = this.#context
    const payload = channel.foreign === undefined ? toEnvelope(message) : message.body
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    try {
      await connection().command('PUBLISH', names.signals(channel, message.type), bytes)
      return ACCEPTED
    } catch (thrown) {
      return failed(thrown)
    }
  }

  /** Why it is refused unsent. */
  #refusal({ message, to, delayMs = 0 }: Outgoing, now: number): WaybillError | undefined {
    const { names, settings } = this.#context
    const what = `${message.kind} ${message.type} ${message.id}`
    if (message.expiresAt !== undefined && message.expiresAt <= now + Math.max(0, delayMs))
      return new WaybillError('WAYBILL_EXPIRED', `${what} expired before it was sent`)
    if (message.body.length > settings.maxMessageBytes)
      return new WaybillError(
        'WAYBILL_TOO_LARGE',
        `${what} has ${message.body.length} bytes; at most ${settings.maxMessageBytes}`,
      )
    if (delayMs > MAX_DELAY_MS)
      return new WaybillError('WAYBILL_LIMIT', `a delay of ${delayMs} ms; at most ${MAX_DELAY_MS}`)
    if (to.kind === 'address') {
      if (delayMs > 0) return new WaybillError('WAYBILL_UNSUPPORTED', 'a delayed reply: who asked is waiting now')
      return names.isAddress(to.address) ? undefined : unroutable(what, `return address ${to.address}`)
    }
    if (delayMs > 0 && (to.kind === 'query' || to.kind === 'survey' || to.kind === 'signals'))
      return new WaybillError('WAYBILL_UNSUPPORTED', `a delayed ${to.kind} to ${to.name}: it is for who listens now`)
    return undefined
  }
}

function failed(thrown: unknown): SendResult {
  const error = asError(thrown)
  return { outcome: isWaybillError(error, 'WAYBILL_OUTCOME_UNKNOWN') ? 'unknown' : 'refused', error }
}

function modeOf({ kind, foreign }: Channel): string {
  if (foreign !== undefined) return 'foreign'
  if (kind === 'events' || kind === 'survey') return 'event'
  return kind === 'query' ? 'query' : 'one'
}

function refused(answer: readonly Reply[], { message, to }: Outgoing): WaybillError {
  const [outcome, one, two] = answer.map(text)
  const what = `${message.kind} ${message.type} ${message.id}`
  const where = to.kind === 'address' ? `return address ${to.address}` : `${to.kind} channel ${to.name}`
  if (outcome === 'UNROUTABLE') return unroutable(what, where)
  if (outcome === 'SHARDS')
    return new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `${where} has ${one} shards, and is sent to with others`)
  const by = two === '' ? '' : `; group ${two} holds back most of it`
  return new WaybillError('WAYBILL_REFUSED', `${one} is full${by}`, {
    cure: 'Let its groups settle what waits, raise maxLength, or delete a group that nobody runs any more.',
  })
}

function unroutable(what: string, where: string): WaybillError {
  return new WaybillError('WAYBILL_UNROUTABLE', `nobody can receive ${what} at ${where}`)
}
