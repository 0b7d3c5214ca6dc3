import type { Durability } from '../transport/engine-facts.ts'
import { known } from './known.ts'
import { lengthOfTime } from './length-of-time.ts'
import type { Loss } from './route-verdict.ts'

/** What accepted messages are exposed to. */
export function lossOf({ accepted, lossWindowMs, source }: Durability): Loss {
  if (accepted === 'memory') return { window: 'server-death', upToMs: null, source }
  if (accepted === 'written') return { window: 'power-loss', upToMs: known(lossWindowMs), source }
  return { window: 'none', upToMs: null, source }
}

/** For an instance that is not there. */
export const ABSENT: Loss = { window: 'absence', upToMs: null, source: 'told' }
/** Of what is not stored. */
export const NOT_STORED: Loss = { window: 'absence-or-slowness', upToMs: null, source: 'told' }

export function lossInWords({ window, upToMs, source }: Loss): string {
  const assumed = source === 'assumed' ? ' (assumed)' : ''
  if (window === 'none') return `no loss window${assumed}`
  if (window === 'server-death') return 'all lost with the server'
  if (window === 'absence-or-slowness') return 'nothing kept while away or too slow'
  if (window === 'absence') return 'nothing kept while away'
  const newest = upToMs?.value === null || upToMs === null ? 'the newest' : `up to ${lengthOfTime(upToMs.value)}`
  return `${newest} lost on power loss${assumed}`
}
