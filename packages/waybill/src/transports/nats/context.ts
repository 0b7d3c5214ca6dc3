import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Declarer } from './declarer.ts'
import type { Delays } from './delays.ts'
import type { Names } from './names.ts'
import type { Settings } from './settings.ts'
import type { Wire } from './wire.ts'

/** What the parts of one transport share. */
export interface Context {
  readonly settings: Settings
  readonly names: Names
  readonly runtime: Runtime
  readonly declarer: Declarer
  readonly delays: Delays
  /**
   * The connection of now.
   *
   * @throws {WaybillError} WAYBILL_NOT_CONNECTED while the link is down, WAYBILL_CLOSED
   */
  readonly wire: () => Wire
  readonly emit: (event: TransportEvent) => void
}
