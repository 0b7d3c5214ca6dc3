import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Declarer } from './declarer.ts'
import type { KafkaLink } from './kafka-link.ts'

/** What every subscription of a transport shares with it. */
export interface SubscriptionContext {
  readonly runtime: Runtime
  readonly declarer: Declarer
  /** @throws {WaybillError} WAYBILL_NOT_CONNECTED while there is none */
  readonly link: () => KafkaLink
  readonly emit: (event: TransportEvent) => void
}

/** How the transport tells its subscriptions of the link, and ends them. */
export interface LinkedSubscription {
  linkDown(error: Error): void
  linkUp(): void
  close(deadlineMs: number): Promise<void>
  /** Since when it has been a member, or reads, for all that it has been told. */
  readonly attachedSince: number | undefined
  /** By which the coordinator of its group counts it; `undefined` where it has none. */
  readonly memberId: string | undefined
}
