import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Bell } from './bell.ts'
import type { Connection } from './connection.ts'
import type { Declarer } from './declarer.ts'
import type { Later } from './later.ts'
import type { Names } from './names.ts'
import type { Published } from './published.ts'
import type { Settings } from './settings.ts'

/** What the parts of one transport share. */
export interface Context {
  readonly settings: Settings
  readonly names: Names
  readonly runtime: Runtime
  readonly declarer: Declarer
  readonly bell: Bell
  readonly later: Later
  readonly published: Published
  /**
   * The connection of now.
   *
   * @throws {WaybillError} WAYBILL_NOT_CONNECTED while the link is down, WAYBILL_CLOSED
   */
  readonly connection: () => Connection
  readonly emit: (event: TransportEvent) => void
}
