import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Declarer } from './declarer.ts'
import type { AmqpEngine } from './engine.ts'

/** What every subscription of a transport shares with it. */
export interface SubscriptionContext {
  readonly engine: AmqpEngine
  readonly declarer: Declarer
  readonly runtime: Runtime
  readonly emit: (event: TransportEvent) => void
}

/** How the transport tells its subscriptions of the link, and ends them. */
export interface LinkedSubscription {
  linkDown(error: Error): void
  linkUp(): void
  close(deadlineMs: number): Promise<void>
}
