import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Transport } from '../../transport/transport.ts'
import type { BusStores } from '../outbox/bus-stores.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import type { AnyReading } from '../reading/reading.ts'
import type { Replies } from '../requests/replies.ts'
import type { ReturnAddress } from '../requests/return-address.ts'
import type { RunningSubscription } from '../subscription/running-subscription.ts'
import type { SendQueue } from '../sending/send-queue.ts'

/** What one bus is made of, for the steps of its life: start, run, drain. */
export interface BusParts {
  readonly transport: Transport
  readonly settings: BusSettings
  readonly deadlines: Deadlines
  readonly sends: SendQueue
  readonly replies: Replies
  readonly returnAddress: ReturnAddress
  /** Those begun so far. */
  readonly subscriptions: RunningSubscription[]
  readonly readings: Set<AnyReading>
  readonly stores: BusStores
}
