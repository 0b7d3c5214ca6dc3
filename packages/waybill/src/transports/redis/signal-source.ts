import { asError } from '../../message/as-error.ts'
import { fromEnvelope } from '../../message/cloudevents-envelope.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { decodeMessage } from './message-mapping.ts'
import type { Listening } from './published.ts'

/**
 * Signals to one instance, by Pub/Sub. What comes while its handlers are busy waits here, within bounds; what does not fit is
 * lost, and a gap. So is what the server has not got rid of when it ends the connection of a process that does not read.
 */
export class SignalSource implements LocalSource {
  readonly address: string | undefined = undefined
  readonly hasGaps: boolean = true
  readonly #spec: SubscriptionSpec
  readonly #context: Context

  constructor(spec: SubscriptionSpec, context: Context) {
    this.#spec = spec
    this.#context = context
  }

  attachment(intake: Intake): LocalAttachment {
    const { names, published } = this.#context
    const { group } = this.#spec
    const listening: Listening = {
      channels: names.signalsTo(group),
      heard: (payload) => intake.offer(() => this.#messageIn(payload, group.channel), 0),
      lost: (error) => intake.lost(error),
    }
    return {
      begin: () => published.listen(listening),
      freed: () => undefined,
      leave: () => published.leave(listening),
      end: () => void published.leave(listening),
    }
  }

  /** Whatever ordinary clients publish on their own channel is a body; on ours it is a CloudEvent, or nothing of ours. */
  #messageIn(payload: Buffer, channel: Channel): WireMessage | undefined {
    if (channel.foreign !== undefined) return decodeMessage({ ce: undefined, data: payload, others: [] })
    try {
      return fromEnvelope(payload)
    } catch (error) {
      this.#context.emit({ type: 'error', error: asError(error) })
      return undefined
    }
  }
}
