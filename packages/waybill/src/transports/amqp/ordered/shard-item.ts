import type { WireMessage } from '../../../message/wire-message.ts'
import type { AmqpDelivery } from '../engine.ts'

/** What a shard's two queues deliver. */
export interface ShardItem {
  /** As it is handed out; replaced by the next attempt before that is copied. */
  message: WireMessage
  readonly from: 'main' | 'lane'
  readonly amqp: AmqpDelivery
}
