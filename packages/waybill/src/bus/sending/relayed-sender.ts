import type { AnyCommand, AnyDocument, AnyEvent, AnyRequest, AnySurvey, In, ReplyOf } from '../../contract/contract.ts'
import type { RequestAsyncOptions, RequestOptions, ScatterOptions, Sender, SendOptions, Sent } from './sender.ts'
import type { SurveyReply } from '../requests/scatter.ts'

/** Whoever speaks the verbs through somebody else's messenger: the bus, and the context of a handler. */
export abstract class RelayedSender implements Sender {
  protected abstract readonly messenger: Sender

  publish<M extends AnyEvent>(event: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.messenger.publish(event, body, options)
  }
  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.messenger.send(message, body, options)
  }
  request<M extends AnyRequest>(request: M, body: In<M>, options?: RequestOptions): Promise<ReplyOf<M>> {
    return this.messenger.request(request, body, options)
  }
  requestAsync<M extends AnyRequest>(request: M, body: In<M>, options?: RequestAsyncOptions): Promise<Sent> {
    return this.messenger.requestAsync(request, body, options)
  }
  scatter<M extends AnySurvey>(
    survey: M,
    body: In<M>,
    options?: ScatterOptions,
  ): AsyncIterable<SurveyReply<ReplyOf<M>>> {
    return this.messenger.scatter(survey, body, options)
  }
}
