// What is to wait lies in the channel's side stream with two headers more, and whoever is attached to the channel moves it on
// when it is due: the server hands it out, and gets it back with how long to keep it. So a wait takes nobody's slot, and
// survives everybody.
//   waybill-delay-until   not before, milliseconds since the epoch, decimal text
//   waybill-delay-to      the subject it is meant for
//   waybill-delay-id      the id that the target stream stores once, where it has one
// Servers from 2.12 can publish by a schedule of their own; this way is the same on all.
import type { Msg } from '@nats-io/transport-node'
import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { Channel } from '../../transport/channel.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import { NANOS } from './api.ts'
import type { Declarer } from './declarer.ts'
import { decodeMessage } from './message-mapping.ts'
import { DELAY_CONSUMER, type Names } from './names.ts'
import type { Publication, PublishResult } from './publisher.ts'
import { Puller } from './puller.ts'
import type { Wire } from './wire.ts'

/** Messages in one member's hands, on their way. */
const WINDOW = 256
/** What cannot be moved now is tried again. */
const TRY_AGAIN_MS = 1_000

const UNTIL = 'waybill-delay-until'
const TO = 'waybill-delay-to'
const ID = 'waybill-delay-id'

interface DelayParts {
  readonly wire: () => Wire
  readonly names: Names
  readonly declarer: Declarer
  readonly runtime: Runtime
  readonly emit: (event: TransportEvent) => void
}

export class Delays {
  readonly #parts: DelayParts
  readonly #channels = new Map<string, Channel>()
  readonly #movers = new Map<string, Mover>()

  constructor(parts: DelayParts) {
    this.#parts = parts
  }

  /** The publication, to be made at `until`. */
  delayed(channel: Channel, publication: Publication, until: number): Publication {
    const { messageId } = publication
    return {
      subject: this.#parts.names.delay(channel),
      message: publication.message,
      to: 'stream',
      // It lies in the same stream as a retry that was moved on: with the same id, that one would be taken for it.
      ...(messageId === undefined ? {} : { messageId: `delay/${messageId}` }),
      more: { [UNTIL]: String(Math.ceil(until)), [TO]: publication.subject, ...(messageId === undefined ? {} : { [ID]: messageId }) }, // prettier-ignore
    }
  }

  /** Moves what is due on this channel, from now until the transport is closed. Its side stream exists. */
  async serve(channel: Channel): Promise<void> {
    if (this.#channels.has(channel.name)) return
    this.#channels.set(channel.name, channel)
    await this.#start(channel)
  }

  linkUp(): void {
    for (const channel of this.#channels.values()) void this.#start(channel)
  }

  linkDown(): void {
    for (const mover of this.#movers.values()) mover.end()
    this.#movers.clear()
  }

  async close(): Promise<void> {
    this.#channels.clear()
    const movers = [...this.#movers.values()]
    this.#movers.clear()
    await Promise.all(movers.map((mover) => mover.close()))
  }

  async #start(channel: Channel, tries = 0): Promise<void> {
    const { wire: wireOf, names, declarer, runtime } = this.#parts
    try {
      const wire = wireOf()
      await declarer.side(channel)
      const config = declarer.consumerConfig(DELAY_CONSUMER, names.delay(channel), { deliver_policy: 'all' })
      await wire.api.createConsumer(names.side(channel), config)
      if (wire !== wireOf() || !this.#channels.has(channel.name) || this.#movers.has(channel.name)) return
      const mover = new Mover(wire, { stream: names.side(channel), consumer: DELAY_CONSUMER }, runtime, (error) =>
        this.#lost(channel, mover, error),
      )
      this.#movers.set(channel.name, mover)
    } catch (thrown) {
      const error = asError(thrown)
      // A link that comes up begins anew.
      if (isWaybillError(error, 'WAYBILL_NOT_CONNECTED') || isWaybillError(error, 'WAYBILL_CLOSED')) return
      if (tries === 0) this.#parts.emit({ type: 'error', error })
      runtime.setTimer(backOffMs(tries, runtime), () => {
        if (this.#channels.has(channel.name) && !this.#movers.has(channel.name)) void this.#start(channel, tries + 1)
      })
    }
  }

  #lost(channel: Channel, mover: Mover, error: Error): void {
    if (this.#movers.get(channel.name) !== mover) return
    this.#movers.delete(channel.name)
    this.#parts.emit({ type: 'error', error })
    void this.#start(channel)
  }
}

/** Moves what one consumer hands out, while one connection lasts. */
class Mover {
  readonly #wire: Wire
  readonly #runtime: Runtime
  readonly #puller: Puller
  #due: Msg[] = []
  #moving = false
  #timer: Timer | undefined
  #ended = false

  constructor(
    wire: Wire,
    target: { readonly stream: string; readonly consumer: string },
    runtime: Runtime,
    lost: (error: Error) => void,
  ) {
    this.#wire = wire
    this.#runtime = runtime
    this.#puller = new Puller(wire.connection, wire.newInbox(), target, runtime, {
      message: (message) => this.#heard(message),
      freed: () => this.#ask(),
      lost,
    })
    this.#ask()
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#puller.end()
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#timer?.cancel()
    await this.#puller.drain(this.#wire.api)
    for (const message of this.#due) this.#later(message, 0)
  }

  #ask(): void {
    const room = WINDOW - this.#due.length - this.#puller.asked
    if (!this.#ended && room >= WINDOW / 2) this.#puller.pull(room)
  }

  #heard(message: Msg): void {
    const waitMs = Number(message.headers?.get(UNTIL) ?? 0) - this.#runtime.now()
    if (this.#ended || waitMs > 0) {
      this.#later(message, waitMs)
      return this.#ask()
    }
    this.#due.push(message)
    if (this.#moving) return
    this.#moving = true
    this.#runtime.defer(() => void this.#move())
  }

  async #move(): Promise<void> {
    const release = this.#runtime.hold('moving what is due')
    try {
      while (this.#due.length > 0 && !this.#ended) {
        const batch = this.#due
        this.#due = []
        const results = await this.#wire.publisher.publish(batch.map(publicationIn))
        if (this.#ended) return
        batch.forEach((message, n) => this.#moved(message, results[n]))
        this.#ask()
      }
    } finally {
      this.#moving = false
      release()
    }
  }

  #moved(message: Msg, result: PublishResult | undefined): void {
    if (result?.outcome === 'accepted') this.#wire.connection.publish(message.reply ?? '')
    else this.#later(message, TRY_AGAIN_MS)
  }

  #later(message: Msg, waitMs: number): void {
    if (this.#wire.connection.isClosed()) return
    const delay = Math.max(0, Math.ceil(waitMs)) * NANOS
    this.#wire.connection.publish(message.reply ?? '', `-NAK {"delay": ${delay}}`)
  }
}

function publicationIn(message: Msg): Publication {
  const { headers, data } = message
  const id = headers?.get(ID)
  return {
    subject: headers?.get(TO) ?? '',
    message: decodeMessage(headers, data),
    to: 'stream',
    messageId: id === '' ? undefined : id,
  }
}
