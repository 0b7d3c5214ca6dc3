import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { SubscriptionSnapshot } from '../../transport/transport.ts'
import type { Declarer } from './declarer.ts'
import type { AmqpEngine } from './engine.ts'

/** What every subscription of a transport shares with it. */
export interface SubscriptionContext {
  readonly engine: AmqpEngine
  readonly declarer: Declarer
  readonly runtime: Runtime
  readonly emit: (event: TransportEvent) => void
}

/** How the transport tells its subscriptions of the link, asks how they stand, and ends them. */
export interface LinkedSubscription {
  linkDown(error: Error): void
  linkUp(): void
  /** Asks the broker whether it still counts the consumers; takes up again what it does not. Never rejects. */
  check(): Promise<void>
  /** @param depth messages ready for its group, where that is known */
  inspect(depth: number | undefined): Promise<SubscriptionSnapshot>
  close(deadlineMs: number): Promise<void>
}
