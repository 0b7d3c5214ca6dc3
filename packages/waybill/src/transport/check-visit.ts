import { checkGroup } from './check-topology.ts'
import type { DeadLetterVisit } from './dead-letter-visit.ts'
import type { Group } from './transport.ts'

/** For numbers that are no numbers of letters. */
export function checkVisit(group: Group, { limit, batch }: DeadLetterVisit): void {
  checkGroup(group)
  for (const [name, value] of Object.entries({ limit, batch }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TypeError(`${name} of a visit to dead letters must be a whole number from 1, not ${String(value)}`)
}
