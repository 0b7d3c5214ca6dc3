import type { Msg, NatsConnection, PublishOptions } from '@nats-io/transport-node'
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { largestBody } from './limits.ts'
import { encodeHeaders } from './message-mapping.ts'
import { SharedFlush } from './shared-flush.ts'

export interface Publication {
  readonly subject: string
  readonly message: WireMessage
  /**
   * - `stream`: stored, and answered by the stream that has the subject
   * - `listener`: for who listens now; refused when nobody does
   * - `anybody`: for who listens now, be it nobody
   */
  readonly to: 'stream' | 'listener' | 'anybody'
  /** The stream stores one id once within its window. */
  readonly messageId?: string | undefined
  /** Further headers, of visible ASCII. */
  readonly more?: Readonly<Record<string, string>>
}

/** For people. */
export function subjectOf({ subject }: Publication): string {
  return `a stream with ${subject}`
}

export type PublishResult =
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'unroutable' }
  | { readonly outcome: 'refused'; readonly error: Error }
  | { readonly outcome: 'unknown'; readonly error: Error }

/** Beyond these, publishes to streams wait here for answers: a server that is behind should not have to hold more. */
const MOST_IN_FLIGHT = 4_096
const MOST_BYTES_IN_FLIGHT = 32 * 2 ** 20

/** A stream that has not answered by then, on a link that is well, has no leader or has lost the message. */
const ANSWER_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 1_000

const ACCEPTED: PublishResult = { outcome: 'accepted' }
const UNROUTABLE: PublishResult = { outcome: 'unroutable' }

interface Batch {
  readonly results: PublishResult[]
  left: number
  readonly resolve: (results: readonly PublishResult[]) => void
}

interface Entry {
  readonly batch: Batch
  readonly index: number
  readonly publication: Publication
  bytes: number
  sentAt: number
  /** Under which its answer comes. */
  id: string | undefined
}

/**
 * Publishes with an answer for each message, over one subscription for all answers. Order is kept: what has to wait for
 * room is sent in its turn. Lives as long as one connection.
 */
export class Publisher {
  readonly #connection: NatsConnection
  readonly #runtime: Runtime
  readonly #inbox: string
  readonly #flush: SharedFlush
  /** By the id that their answer has; those that have none, by themselves. */
  readonly #unanswered = new Map<string | Entry, Entry>()
  readonly #idlers: (() => void)[] = []
  #waiting: Entry[] = []
  #inFlight = 0
  #bytesInFlight = 0
  #count = 0
  #timer: Timer | undefined
  #ended: Error | undefined

  /** @param inbox a subject of its own, under which answers come */
  constructor(connection: NatsConnection, inbox: string, runtime: Runtime) {
    this.#connection = connection
    this.#runtime = runtime
    this.#inbox = `${inbox}.`
    this.#flush = new SharedFlush(connection)
    connection.subscribe(`${inbox}.*`, { callback: (error, answer) => void (error ?? this.#answered(answer)) })
  }

  /** Answers each, in order; never rejects. */
  publish(publications: readonly Publication[]): Promise<readonly PublishResult[]> {
    return new Promise((resolve) => {
      const batch: Batch = { results: [], left: publications.length, resolve }
      if (publications.length === 0) return resolve([])
      const flushed: Entry[] = []
      for (const [index, publication] of publications.entries()) {
        const entry: Entry = { batch, index, publication, bytes: 0, sentAt: 0, id: undefined }
        if (this.#ended !== undefined) this.#end(entry, { outcome: 'refused', error: this.#ended })
        else if (publication.to !== 'stream') {
          if (this.#write(entry)) flushed.push(entry)
        } else if (this.#waiting.length > 0 || this.#isFull()) this.#waiting.push(entry)
        else this.#write(entry)
      }
      if (flushed.length > 0) void this.#told(flushed)
    })
  }

  /** Resolves when everything that was handed over has been answered. */
  idle(): Promise<void> {
    if (this.#unanswered.size === 0) return Promise.resolve()
    return new Promise((resolve) => void this.#idlers.push(resolve))
  }

  /** The connection has gone: what is unanswered may have arrived, what waited has not. */
  end(error: Error): void {
    this.#ended = error
    this.#timer?.cancel()
    const waiting = this.#waiting
    this.#waiting = []
    for (const id of this.#unanswered.keys()) this.#settle(id, { outcome: 'unknown', error: unknown(error) })
    for (const entry of waiting) this.#end(entry, { outcome: 'refused', error })
  }

  #isFull(): boolean {
    return this.#inFlight >= MOST_IN_FLIGHT || this.#bytesInFlight >= MOST_BYTES_IN_FLIGHT
  }

  /** @returns whether it is on its way; else it has been refused */
  #write(entry: Entry): boolean {
    const { subject, message, to, messageId, more } = entry.publication
    try {
      const headers = encodeHeaders(message, messageId, more)
      entry.bytes = headers.length + message.body.length
      const most = this.#connection.info?.max_payload ?? Infinity
      if (entry.bytes > most || message.body.length > largestBody(most)) {
        const what = `${message.kind} ${message.type} ${message.id} has ${message.body.length} bytes, ${entry.bytes} with its headers`
        const error = new WaybillError('WAYBILL_TOO_LARGE', `${what}; the server's max_payload is ${most}`)
        this.#end(entry, { outcome: 'refused', error })
        return false
      }
      // The client asks headers for their bytes and for nothing else.
      const options = { headers: { encode: () => headers } } as unknown as PublishOptions
      if (to !== 'anybody') {
        entry.id = (++this.#count).toString(36)
        options.reply = this.#inbox + entry.id
      }
      this.#connection.publish(subject, message.body, options)
      this.#unanswered.set(entry.id ?? entry, entry)
      if (to !== 'stream') return true
      entry.sentAt = this.#runtime.monotonic()
      this.#inFlight++
      this.#bytesInFlight += entry.bytes
      this.#timer ??= this.#runtime.setTimer(LOOK_EVERY_MS, () => this.#look())
      return true
    } catch (thrown) {
      this.#end(entry, { outcome: 'refused', error: asError(thrown) })
      return false
    }
  }

  /** The server answers a ping after it has said of everything before it that nobody listens. */
  async #told(entries: readonly Entry[]): Promise<void> {
    let result = ACCEPTED
    try {
      await this.#flush.flush()
    } catch (error) {
      result = { outcome: 'unknown', error: unknown(asError(error)) }
    }
    for (const entry of entries) this.#settle(entry.id ?? entry, result)
  }

  #answered(answer: Msg): void {
    const id = answer.subject.slice(this.#inbox.length)
    if (answer.headers?.code === 503) return this.#settle(id, UNROUTABLE)
    if (this.#unanswered.get(id)?.publication.to !== 'stream') return
    const text = answer.string()
    this.#settle(id, text.includes('"error"') ? refusal(text) : ACCEPTED)
  }

  #settle(id: string | Entry, result: PublishResult): void {
    const entry = this.#unanswered.get(id)
    if (entry === undefined) return
    this.#unanswered.delete(id)
    if (entry.publication.to === 'stream') {
      this.#inFlight--
      this.#bytesInFlight -= entry.bytes
    }
    this.#end(entry, result)
    if (this.#waiting.length > 0 && !this.#isFull()) this.#next()
    if (this.#unanswered.size === 0) for (const idle of this.#idlers.splice(0)) idle()
  }

  #next(): void {
    let sent = 0
    while (sent < this.#waiting.length && !this.#isFull()) this.#write(this.#waiting[sent++] as Entry) // below length
    this.#waiting = this.#waiting.slice(sent)
  }

  #end({ batch, index }: Entry, result: PublishResult): void {
    batch.results[index] = result
    if (--batch.left === 0) batch.resolve(batch.results)
  }

  /** Entries stand in the order of sending. */
  #look(): void {
    this.#timer = undefined
    const before = this.#runtime.monotonic() - ANSWER_WITHIN_MS
    for (const [id, { sentAt, publication }] of this.#unanswered) {
      if (sentAt > before) break
      if (publication.to !== 'stream') continue
      const why = `the stream of ${publication.subject} did not answer within ${ANSWER_WITHIN_MS} ms`
      this.#settle(id, { outcome: 'unknown', error: unknown(new Error(why)) })
    }
    if (this.#inFlight > 0) this.#timer = this.#runtime.setTimer(LOOK_EVERY_MS, () => this.#look())
  }
}

function unknown(cause: Error): WaybillError {
  return new WaybillError('WAYBILL_OUTCOME_UNKNOWN', cause.message, { cause })
}

/** @see https://docs.nats.io/reference/reference-protocols/nats_api_reference#error-handling */
function refusal(text: string): PublishResult {
  const { error } = JSON.parse(text) as {
    readonly error?: { readonly description?: string; readonly err_code?: number }
  }
  const what = `the stream refused it: ${error?.description ?? text} (${error?.err_code ?? 'no code'})`
  return { outcome: 'refused', error: new WaybillError('WAYBILL_REFUSED', what) }
}
