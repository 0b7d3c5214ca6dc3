import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Declarer } from './declarer.ts'
import type { Leases } from './leases.ts'
import type { Notifier } from './notifier.ts'
import type { Settings } from './settings.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/** What the parts of one transport share. */
export interface Context {
  readonly settings: Settings
  readonly runtime: Runtime
  readonly sql: Statements
  readonly declarer: Declarer
  readonly leases: Leases
  readonly notifier: Notifier
  /**
   * The connections of now.
   *
   * @throws {WaybillError} WAYBILL_NOT_CONNECTED while the link is down, WAYBILL_CLOSED
   */
  readonly wire: () => Wire
  readonly emit: (event: TransportEvent) => void
}
