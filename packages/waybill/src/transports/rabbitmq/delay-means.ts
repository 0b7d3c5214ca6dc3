import type { Publication } from '../amqp/engine.ts'
import type { Route } from './route.ts'

/** How a broker is made to hold messages back until they are due. One for each connection. */
export interface DelayMeans {
  /**
   * Makes delayed messages reach `queue`; what else they need is declared first.
   *
   * @throws {WaybillError} WAYBILL_NOT_FOUND when there is no such queue
   */
  bind(queue: string): Promise<void>
  /**
   * Where a delayed publication, to the default exchange, is written instead.
   *
   * @throws {WaybillError} WAYBILL_LIMIT when its delay, or its queue's name, is too long
   */
  route(publication: Publication): Route
}
