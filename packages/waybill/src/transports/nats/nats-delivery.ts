import type { Msg } from '@nats-io/transport-node'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Delivery } from '../../transport/transport.ts'

/** What JetStream tells of a message in the subject under which it is settled. */
export interface DeliveryInfo {
  readonly streamSequence: number
  /** How often it was handed out, this time included. */
  readonly deliveryCount: number
}

/**
 * `$JS.ACK.<stream>.<consumer>.<count>.<stream sequence>.<consumer sequence>.<time>.<pending>`; newer servers may have a
 * domain and an account behind `ACK`, and a token at the end.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference#acknowledging-messages
 */
export function deliveryInfo(reply: string): DeliveryInfo {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 6 : 4
  return { deliveryCount: Number(tokens[at]), streamSequence: Number(tokens[at + 1]) }
}

export type Origin = 'main' | 'retry'

/** A delivery of an unordered group. Only the subscription that handed it out reads more than the seam shows. */
export class NatsDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly shard: number
  readonly position?: string
  readonly origin: Origin
  readonly sequence: number
  /** Where it is settled. */
  readonly reply: string
  /** Which life of its subscription it belongs to; a reconnect begins another. */
  readonly life: number
  /** Since when the server counts: arrival, or the last sign of life. */
  since: number
  settled = false

  constructor(from: Msg, message: WireMessage, shard: number, origin: Origin, life: number, now: number) {
    const { deliveryCount, streamSequence } = deliveryInfo(from.reply ?? '')
    this.message = message
    this.deliveryCount = deliveryCount
    this.redelivered = deliveryCount > 1
    this.shard = shard
    if (origin === 'main') this.position = String(streamSequence)
    this.origin = origin
    this.sequence = streamSequence
    this.reply = from.reply ?? ''
    this.life = life
    this.since = now
  }
}
