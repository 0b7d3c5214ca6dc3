// How long a message stays away that was put off.
import { timesPutOff } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'

/** So that nothing comes back in a hot loop... */
const LEAST_MS = 250
/** ...and every engine can wait so long; what comes back too early waits here. */
const MOST_MS = 300_000

/** At least `waitMs`, with up to half as much again, so that what was put off together does not come back together. */
export function putOffMs(waitMs: number, random: () => number): number {
  const ms = Math.min(MOST_MS, Math.max(LEAST_MS, waitMs))
  return Math.round(ms * (1 + random() / 2))
}

const ROOM_BASE_MS = 1_000
const ROOM_MOST_MS = 30_000

/** What only makes room for others comes back soon at first, and later each time. */
export function awayForRoomMs({ headers }: WireMessage): number {
  return Math.min(ROOM_MOST_MS, ROOM_BASE_MS * 2 ** Math.min(timesPutOff(headers), 10))
}
