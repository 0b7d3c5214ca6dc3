import type { Publication } from '../amqp/engine.ts'

/** Where and how a publication is written: as it says, or where it waits until its delay is over. */
export interface Route {
  readonly exchange: string
  readonly routingKey: string
  readonly ttlMs?: number | undefined
  /** Whole milliseconds, for the header `x-delay`. */
  readonly delayHeaderMs?: number | undefined
}

export function isDelayed(publication: Publication): boolean {
  return publication.delayMs !== undefined && publication.delayMs > 0
}
