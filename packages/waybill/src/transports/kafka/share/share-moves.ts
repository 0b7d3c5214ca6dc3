import { WaybillError } from '../../../message/errors.ts'
import type { WireMessage } from '../../../message/wire-message.ts'
import { deadLetter, type Burial } from '../../../transport/dead-letter.ts'
import type { Group } from '../../../transport/transport.ts'
import { letterRecord } from '../dead-letters/letter-record.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { waiting } from '../later-message.ts'
import { sizeOf, toRecord } from '../record-mapping.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import { namesOf, type GroupNames } from '../topic-names.ts'
import type { ShareDelivery } from './share-delivery.ts'

export interface ShareMovesEffects {
  /** It is stored where it belongs. */
  moved(delivery: ShareDelivery): void
  /** It stays in the group. */
  failed(delivery: ShareDelivery, error: Error): void
}

/** Copies of messages to the group's other topics: stored there first, then done where they came from. */
export class ShareMoves {
  readonly #group: Group
  readonly #names: GroupNames
  readonly #context: SubscriptionContext
  readonly #effects: ShareMovesEffects

  constructor(group: Group, context: SubscriptionContext, effects: ShareMovesEffects) {
    this.#group = group
    this.#names = namesOf(group)
    this.#context = context
    this.#effects = effects
  }

  retry(delivery: ShareDelivery, message: WireMessage, afterMs: number): void {
    if (afterMs <= 0) this.again(delivery, message)
    else this.#publish(delivery, this.#names.later, waiting(message, this.#context.runtime.now() + afterMs))
  }

  /** To be handed out again at once. */
  again(delivery: ShareDelivery, message: WireMessage): void {
    this.#publish(delivery, this.#names.again, message)
  }

  bury(delivery: ShareDelivery, burial: Burial): void {
    const { runtime } = this.#context
    const letter = deadLetter(delivery.message, this.#group, burial, runtime.now())
    this.#publish(delivery, this.#names.dead, letter, letterRecord(letter, runtime.newId()))
  }

  #publish(delivery: ShareDelivery, topic: string, message: WireMessage, record = toRecord(message)): void {
    let link: KafkaLink
    try {
      link = this.#context.link()
    } catch {
      // The link is going down: the record is given out again.
      return
    }
    link.producer.produce(topic, 0, record, sizeOf(record), (result) => {
      if (result.outcome === 'accepted') return this.#effects.moved(delivery)
      const what = `${topic} does not take message ${message.id}: it goes back to its group`
      this.#effects.failed(delivery, new WaybillError('WAYBILL_REFUSED', what, { cause: result.error }))
    })
  }
}
