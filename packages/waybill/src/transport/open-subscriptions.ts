import { asError } from '../message/as-error.ts'
import type { Engine, EngineSubscription, InspectedGroup } from './engine.ts'
import type { Delivery, Group, SubscriptionSnapshot, SubscriptionSpec } from './transport.ts'

interface Open {
  readonly group: Group
  /** As last heard of. */
  lag: number
}

/** The subscriptions of a transport, each from its beginning until nothing is left of it. */
export class OpenSubscriptions<S extends EngineSubscription, G extends InspectedGroup> {
  readonly #engine: Engine<S, G>
  readonly #open = new Map<S, Open>()

  constructor(engine: Engine<S, G>) {
    this.#engine = engine
  }

  /** @param requireOpen throws when the transport was closed meanwhile: then nothing is left of it */
  async begin(
    spec: SubscriptionSpec,
    receive: (batch: readonly Delivery[]) => void,
    requireOpen: () => void,
  ): Promise<S> {
    const subscription: S = await this.#engine.newSubscription(spec, receive, () => {
      this.#open.delete(subscription)
    })
    requireOpen()
    // From now on it is told of the link.
    this.#open.set(subscription, { group: spec.group, lag: 0 })
    try {
      await subscription.start()
      requireOpen()
      return subscription
    } catch (error) {
      // Takes back what was begun; why it did not begin tells more than why that failed, too.
      await subscription.close(0).catch(() => undefined)
      throw error
    }
  }

  linkUp(): void {
    for (const subscription of this.#open.keys()) subscription.linkUp()
  }

  linkDown(error: Error): void {
    for (const subscription of this.#open.keys()) subscription.linkDown(error)
  }

  /** @param groups what the engine says of them; `undefined` while it cannot be asked */
  async inspect(groups: readonly G[] | undefined): Promise<readonly SubscriptionSnapshot[]> {
    return await Promise.all(
      [...this.#open].map(async ([subscription, open]) => {
        const { channel, name: group } = open.group
        const at = { channel: channel.name, group }
        if (groups === undefined) return { ...at, attached: false, since: undefined, lag: open.lag }
        const found = groups.find(({ snapshot }) => snapshot.channel === at.channel && snapshot.group === group)
        const { since, lag } = await this.#engine.standing(subscription, found)
        open.lag = lag
        return { ...at, attached: since !== undefined, since, lag }
      }),
    )
  }

  /** @param failed is told of those whose goodbye failed */
  async close(deadlineMs: number, failed: (error: Error) => void): Promise<void> {
    await Promise.all(
      [...this.#open.keys()].map((each) => each.close(deadlineMs).catch((error: unknown) => failed(asError(error)))),
    )
  }
}
