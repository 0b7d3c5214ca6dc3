import type { EncodedReply } from '../contract/reply.ts'
import { causedBy } from '../message/cause.ts'
import { isWaybillError } from '../message/errors.ts'
import { WIRE_VERSION, type WireMessage } from '../message/wire-message.ts'
import { replyType } from './reply-type.ts'
import type { BusSettings } from './running-bus.ts'
import type { SendQueue } from './send-queue.ts'

/** Sends replies to the return addresses of requests. */
export class Answerer {
  readonly #sends: SendQueue
  readonly #settings: Pick<BusSettings, 'runtime' | 'logger' | 'sendTimeoutMs'>
  readonly #source: string

  constructor(sends: SendQueue, settings: Pick<BusSettings, 'runtime' | 'logger' | 'sendTimeoutMs'>, source: string) {
    this.#sends = sends
    this.#settings = settings
    this.#source = source
  }

  /** Resolves when the reply is stored, or when the requester is gone. */
  async answer(request: WireMessage, reply: EncodedReply): Promise<void> {
    const { runtime, logger, sendTimeoutMs } = this.#settings
    if (request.replyTo === undefined) return
    const cause = causedBy(request, runtime)
    const message: WireMessage = {
      id: runtime.newId(),
      source: this.#source,
      type: replyType(request.type),
      kind: 'reply',
      wireVersion: WIRE_VERSION,
      time: runtime.now(),
      schemaVersion: 1,
      contentType: reply.contentType,
      replyTo: undefined,
      correlationId: cause.correlationId,
      causationId: request.id,
      expiresAt: request.expiresAt,
      key: undefined,
      sequence: undefined,
      traceparent: cause.traceparent,
      tracestate: cause.tracestate,
      attempt: 1,
      headers: reply.headers,
      body: reply.body,
    }
    try {
      await this.#sends.send({ message, to: { kind: 'address', address: request.replyTo } }, sendTimeoutMs)
    } catch (error) {
      if (!isWaybillError(error, 'WAYBILL_UNROUTABLE')) throw error
      logger.debug({ request: request.id, type: request.type }, 'nobody waits for this reply any more')
    }
  }
}
