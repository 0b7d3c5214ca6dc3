// The requests of share groups (KIP-932, KIP-1206, KIP-1222), which the client does not have. Arrays, strings and
// structures are compact, each structure ends with tagged fields, as the client's `appendArray` and `readArray` write and
// read them.
import type { Driver } from '../driver.ts'
import { heartbeat } from './wire/share-heartbeat.ts'
import { fetch } from './wire/share-fetch.ts'
import { acknowledge } from './wire/share-acknowledge.ts'
import { describe } from './wire/share-describe.ts'
import { offsets } from './wire/share-offsets.ts'
import { alterOffsets } from './wire/alter-share-offsets.ts'

/** What becomes of acquired records: skipped gap, done, back to the group, and still ours. */
export const ACKNOWLEDGE = { gap: 0, accept: 1, release: 2, renew: 4 } as const
export const OPEN_SESSION = 0
export const CLOSE_SESSION = -1
export const JOIN = 0
export const LEAVE = -1

export interface ShareApis {
  readonly heartbeat: ReturnType<typeof heartbeat>
  readonly fetch: ReturnType<typeof fetch>
  readonly acknowledge: ReturnType<typeof acknowledge>
  readonly describe: ReturnType<typeof describe>
  readonly offsets: ReturnType<typeof offsets>
  readonly alterOffsets: ReturnType<typeof alterOffsets>
}

export function shareApis(driver: Driver): ShareApis {
  return {
    heartbeat: heartbeat(driver),
    fetch: fetch(driver),
    acknowledge: acknowledge(driver),
    describe: describe(driver),
    offsets: offsets(driver),
    alterOffsets: alterOffsets(driver),
  }
}
