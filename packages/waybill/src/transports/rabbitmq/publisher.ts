import type { ConfirmChannel } from 'amqplib'
import { WaybillError } from '../../message/errors.ts'
import type { Publication, PublishResult } from '../amqp/engine.ts'
import { replyCode } from './amqp-errors.ts'
import { Backlog } from './backlog.ts'
import { Batch } from './batch.ts'
import { DIRECT_REPLY_TO } from './direct-reply-to.ts'
import { publishOptions, tooLarge } from './publish-options.ts'
import { isDelayed, type Route } from './route.ts'
import { Unconfirmed } from './unconfirmed.ts'

/**
 * Publishes on one confirm channel, in order. A batch is written in one go, as far as the socket takes it; the rest waits
 * for `drain`. When the channel dies, what was written and not confirmed is `unknown`, and the rest goes to the next
 * channel; when the link is lost, the rest is `refused`, because it was never written.
 */
export class Publisher {
  readonly #delayed: (publication: Publication) => Route
  #open: () => Promise<ConfirmChannel> = () => Promise.reject(this.#why())
  #why: () => Error = () => new WaybillError('WAYBILL_NOT_CONNECTED', 'not connected yet')
  #maxMessageBytes = 0
  #channel: ConfirmChannel | undefined
  #unconfirmed = new Unconfirmed()
  readonly #backlog = new Backlog()
  #isFull = false
  #isUp = false
  #idle: (() => void) | undefined

  /** @param delayed where a delayed publication is written; what it throws is why the publication is refused */
  constructor(delayed: (publication: Publication) => Route) {
    this.#delayed = delayed
  }

  /** Opens the channel, on a new connection. */
  async prepare(open: () => Promise<ConfirmChannel>, maxMessageBytes: number): Promise<void> {
    this.#open = open
    this.#maxMessageBytes = maxMessageBytes
    await this.#openChannel()
  }

  /** The link is up, and the channel open. */
  up(): void {
    this.#isUp = true
  }

  /** The link is down; `why` is asked for each refusal from now on. */
  down(why: () => Error): void {
    this.#isUp = false
    this.#why = why
    const error = why()
    this.#channelLost(error)
    this.#backlog.refuse({ outcome: 'refused', error })
  }

  /** Answers each, in order; never rejects. */
  publish(publications: readonly Publication[]): Promise<readonly PublishResult[]> {
    if (publications.length === 0) return Promise.resolve([])
    return new Promise((resolve) => {
      const batch = new Batch(publications, resolve)
      if (!this.#isUp) return batch.answerRest({ outcome: 'refused', error: this.#why() })
      if (!this.#backlog.hasRoom(publications))
        return batch.answerRest({ outcome: 'refused', error: this.#backPressure() })
      if (this.#backlog.isEmpty && this.#channel !== undefined && !this.#isFull) this.#write(batch, this.#channel)
      if (!batch.isWritten) this.#backlog.add(batch)
    })
  }

  /** Resolves when nothing is unanswered. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve
      this.#reportIdle()
    })
  }

  /** Writes from `batch.next` on until the batch ends or the socket is full: then `false`. */
  #write(batch: Batch, channel: ConfirmChannel): boolean {
    const { publications } = batch
    while (batch.next < publications.length && !this.#isFull) {
      const index = batch.next++
      const publication = publications[index] as Publication // below length
      const refusal = this.#refusal(publication)
      if (refusal !== undefined) {
        batch.answer(index, { outcome: 'refused', error: refusal })
        continue
      }
      try {
        const route = isDelayed(publication) ? this.#delayed(publication) : publication
        const body = bufferOf(publication.message.body)
        this.#isFull = !channel.publish(route.exchange, route.routingKey, body, publishOptions(publication, route))
      } catch (error) {
        batch.answer(index, { outcome: 'refused', error: unwritable(publication, error) })
        continue
      }
      this.#unconfirmed.written(batch, index)
    }
    return !this.#isFull
  }

  #refusal({ message }: Publication): Error | undefined {
    // The broker would close the channel: nobody takes direct replies on it.
    if (message.replyTo === DIRECT_REPLY_TO)
      return new WaybillError('WAYBILL_UNSUPPORTED', `nobody takes the direct reply that ${message.type} asks for`)
    return tooLarge(message, this.#maxMessageBytes)
  }

  #writeBacklog(): void {
    const channel = this.#channel
    if (channel !== undefined && !this.#isFull) this.#backlog.drain((batch) => this.#write(batch, channel))
  }

  async #openChannel(): Promise<void> {
    const channel = await this.#open()
    const unconfirmed = new Unconfirmed()
    let fault: Error | undefined
    channel.on('ack', ({ deliveryTag, multiple }) => {
      unconfirmed.confirm(deliveryTag, multiple)
      this.#reportIdle()
    })
    channel.on('nack', ({ deliveryTag, multiple }) => {
      unconfirmed.confirm(deliveryTag, multiple, nacked)
      this.#reportIdle()
    })
    channel.on('return', ({ fields, properties }) => {
      const id: unknown = properties.messageId
      unconfirmed.returned(fields.exchange, fields.routingKey, typeof id === 'string' ? id : '')
    })
    channel.on('drain', () => {
      this.#isFull = false
      this.#writeBacklog()
    })
    channel.on('error', (error) => (fault = error))
    channel.on('close', () => {
      if (this.#channel !== channel) return
      this.#channelLost(fault ?? new Error('the link was lost'))
      // Closed by the broker for a fault of one publication: the others go on, on another channel.
      if (fault !== undefined) void this.#reopen()
    })
    this.#channel = channel
    this.#unconfirmed = unconfirmed
    this.#isFull = false
  }

  async #reopen(): Promise<void> {
    try {
      await this.#openChannel()
    } catch {
      // Only a lost connection refuses a channel: `down` follows, and answers what waits.
      return
    }
    this.#writeBacklog()
  }

  #channelLost(cause: Error): void {
    this.#channel = undefined
    const what = replyCode(cause) === undefined ? 'the link broke' : 'the broker closed the channel'
    const error = new WaybillError('WAYBILL_OUTCOME_UNKNOWN', `${what} before the confirm: ${cause.message}`, { cause })
    this.#unconfirmed.lost({ outcome: 'unknown', error })
    this.#reportIdle()
  }

  #reportIdle(): void {
    if (this.#idle !== undefined && this.#unconfirmed.isEmpty && this.#backlog.isEmpty) this.#idle()
  }

  #backPressure(): Error {
    const what = `${this.#backlog.count} publications wait for the broker to read on`
    return new WaybillError('WAYBILL_BACKPRESSURE', what)
  }
}

function nacked(publication: Publication): PublishResult {
  const to = publication.exchange === '' ? `queue ${publication.routingKey}` : `exchange ${publication.exchange}`
  const what = `the broker refused ${publication.message.type} ${publication.message.id} for ${to}`
  return { outcome: 'refused', error: new WaybillError('WAYBILL_REFUSED', what) }
}

/** amqplib found a property that AMQP cannot carry: a short string beyond 255 bytes. */
function unwritable(publication: Publication, cause: unknown): Error {
  if (cause instanceof WaybillError) return cause
  const what = cause instanceof Error ? cause.message : String(cause)
  return new WaybillError('WAYBILL_TOO_LARGE', `${publication.message.type} ${publication.message.id}: ${what}`, {
    cause,
  })
}

function bufferOf(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}
