import type { Runtime } from '../../runtime/runtime.ts'
import type { Group, SubscriptionSnapshot } from '../../transport/transport.ts'
import type { AmqpConsumer, ConsumerStanding } from './engine.ts'

/** A queue whose leader changes has no consumers for a moment; one that is lost has none the second time either. */
const LOOK_AGAIN_MS = 500

/** What is known of a subscription's standing with the broker. */
export class Attachment {
  readonly #group: Group
  readonly #runtime: Runtime
  #since: number | undefined
  #lag = 0

  constructor(group: Group, runtime: Runtime) {
    this.#group = group
    this.#runtime = runtime
  }

  get isAttached(): boolean {
    return this.#since !== undefined
  }

  begin(): void {
    this.#since ??= this.#runtime.now()
  }

  end(): void {
    this.#since = undefined
  }

  /** @param lag the last one known, where the broker cannot be asked */
  snapshot(counted: boolean, lag: number = this.#lag): SubscriptionSnapshot {
    this.#lag = lag
    const attached = counted && this.isAttached
    const since = attached ? this.#since : undefined
    return { channel: this.#group.channel.name, group: this.#group.name, attached, since, lag }
  }
}

/** What the broker says of the consumer; that it is not attached, only when it has said so twice. */
export async function standingOf(consumer: AmqpConsumer, runtime: Runtime): Promise<ConsumerStanding> {
  const asked = async (): Promise<ConsumerStanding> => {
    try {
      return await consumer.inspect()
    } catch {
      // The link is down or going down, which is told by itself.
      return { attached: true, ready: 0 }
    }
  }
  const first = await asked()
  if (first.attached) return first
  await new Promise<void>((resolve) => void runtime.setTimer(LOOK_AGAIN_MS, resolve))
  return await asked()
}
