import type { AnyCommand, AnyDocument, AnyEvent, AnyRequest, AnySurvey, In, ReplyOf } from '../contract/contract.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Handling } from '../middleware/handler.ts'
import type { Delivery } from '../transport/transport.ts'
import { DeadLetterRequest, type Context } from './context.ts'
import type {
  RequestAsyncOptions,
  RequestOptions,
  ScatterOptions,
  Sender,
  SendOptions,
  Sent,
  SurveyReply,
} from './sender.ts'

/** One message being handled: what middleware sees, and the `Context` its handler gets. */
export class HandlerContext implements Context, Handling {
  readonly message: WireMessage
  readonly body: unknown
  readonly service: string
  readonly group: string
  readonly redelivered: boolean
  /** The requester has been told already (a time-out): what the handler returns is settled but not sent. */
  answered = false
  /** The bus closes and waits no longer: the message goes back to the broker, whatever its handler says of the abort. */
  returned = false
  readonly #sender: Sender
  #abort: AbortController | undefined
  #aborted: Error | undefined

  constructor(delivery: Delivery, message: WireMessage, body: unknown, service: string, group: string, sender: Sender) {
    this.message = message
    this.redelivered = delivery.redelivered ?? false
    this.body = body
    this.service = service
    this.group = group
    this.#sender = sender
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

  publish<M extends AnyEvent>(event: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#sender.publish(event, body, options)
  }
  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#sender.send(message, body, options)
  }
  request<M extends AnyRequest>(request: M, body: In<M>, options?: RequestOptions): Promise<ReplyOf<M>> {
    return this.#sender.request(request, body, options)
  }
  requestAsync<M extends AnyRequest>(request: M, body: In<M>, options?: RequestAsyncOptions): Promise<Sent> {
    return this.#sender.requestAsync(request, body, options)
  }
  scatter<M extends AnySurvey>(
    survey: M,
    body: In<M>,
    options?: ScatterOptions,
  ): AsyncIterable<SurveyReply<ReplyOf<M>>> {
    return this.#sender.scatter(survey, body, options)
  }
}
