import type { Publication } from '../amqp/engine.ts'

/** Where and how a publication is written: as it says, or into the delay ladder. */
export interface Route {
  readonly exchange: string
  readonly routingKey: string
  readonly ttlMs: number | undefined
}

export function isDelayed(publication: Publication): boolean {
  return publication.delayMs !== undefined && publication.delayMs > 0
}
