import type { WireMessage } from '../../message/wire-message.ts'
import type { Handling } from '../../middleware/handler.ts'
import type { Delivery } from '../../transport/transport.ts'
import { DeadLetterRequest, type Context } from '../service/context.ts'
import { RelayedSender } from '../sending/relayed-sender.ts'
import type { Sender } from '../sending/sender.ts'

/** One message being handled: what middleware sees, and the `Context` its handler gets. */
export class HandlerContext extends RelayedSender implements Context, Handling {
  readonly message: WireMessage
  readonly body: unknown
  readonly service: string
  readonly group: string
  readonly redelivered: boolean
  readonly fencing: number | undefined
  /** The requester has been told already (a time-out): what the handler returns is settled but not sent. */
  answered = false
  /** The bus closes and waits no longer: the message goes back to the broker, whatever its handler says of the abort. */
  returned = false
  protected readonly messenger: Sender
  #abort: AbortController | undefined
  #aborted: Error | undefined

  constructor(delivery: Delivery, message: WireMessage, body: unknown, service: string, group: string, sender: Sender) {
    super()
    this.message = message
    this.redelivered = delivery.redelivered ?? false
    this.fencing = delivery.fencing
    this.body = body
    this.service = service
    this.group = group
    this.messenger = sender
  }

  get id(): string {
    return this.message.id
  }
  get type(): string {
    return this.message.type
  }
  get attempt(): number {
    return this.message.attempt
  }
  get key(): string | undefined {
    return this.message.key
  }
  get time(): Date {
    return new Date(this.message.time)
  }
  get correlationId(): string {
    return this.message.correlationId ?? this.message.id
  }
  get causationId(): string | undefined {
    return this.message.causationId
  }
  get headers(): Readonly<Record<string, string>> {
    return this.message.headers
  }
  get source(): string {
    return this.message.source
  }
  /** Made on first use: most handlers never look. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted)
    }
    return this.#abort.signal
  }

  abort(reason: Error): void {
    this.#aborted ??= reason
    this.#abort?.abort(reason)
  }

  deadLetter(reason: string): never {
    throw new DeadLetterRequest(reason)
  }
}
