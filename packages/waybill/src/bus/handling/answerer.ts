import type { EncodedReply } from '../../contract/reply.ts'
import { replyTo } from '../../message/build-message.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Logger } from '../observation/logger.ts'
import type { SendQueue } from '../sending/send-queue.ts'

export interface AnswererSettings {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly sendTimeoutMs: number
}

/** Sends replies to the return addresses of requests. */
export class Answerer {
  readonly #sends: SendQueue
  readonly #settings: AnswererSettings
  readonly #source: string

  constructor(sends: SendQueue, settings: AnswererSettings, source: string) {
    this.#sends = sends
    this.#settings = settings
    this.#source = source
  }

  /** Resolves when the reply is stored, or when the requester is gone. */
  async answer(request: WireMessage, reply: EncodedReply): Promise<void> {
    const { runtime, logger, sendTimeoutMs } = this.#settings
    if (request.replyTo === undefined) return
    const message = replyTo(request, reply, this.#source, runtime)
    try {
      await this.#sends.send({ message, to: { kind: 'address', address: request.replyTo } }, sendTimeoutMs)
    } catch (error) {
      if (!isWaybillError(error, 'WAYBILL_UNROUTABLE')) throw error
      logger.debug({ request: request.id, type: request.type }, 'nobody waits for this reply any more')
    }
  }
}
