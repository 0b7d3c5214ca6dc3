// What becomes of a message that is sent within a transaction, or is to be sent later.
import type { AnyContracted } from '../contract/contract.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import { lengthOfTime } from './length-of-time.ts'
import { isSignal } from './route.ts'
import type { SendVerdict } from './route-verdict.ts'

/** What keeps messages besides the engine. */
export interface Keepers {
  /** The name of the bus's store; `undefined` where it has none. */
  readonly store: string | undefined
  /** The engine is a database, which takes messages within a transaction of the user's. */
  readonly sendsWithin: boolean
}

type Later = Pick<SendVerdict, 'transaction' | 'delayed' | 'scheduled'>

/** Questions are asked now, and what is not stored waits nowhere. */
export function laterOf(message: AnyContracted, { capabilities, limits }: EngineFacts, keepers: Keepers): Later {
  const { kind, sequence } = message
  if (kind === 'query' || kind === 'survey' || isSignal(message)) return {}
  const { store, sendsWithin } = keepers
  if (store === undefined) return sendsWithin ? { transaction: 'engine' } : {}
  if (sequence) return { transaction: store }
  const engineDelays = capabilities.delayedSend === 'refused' ? 0 : limits.maxDelayMs.value
  return {
    transaction: store,
    scheduled: store,
    ...(engineDelays === Infinity ? {} : { delayed: { by: store, beyondMs: engineDelays } }),
  }
}

export function laterInWords(
  { transaction, scheduled, delayed }: Later,
  message: AnyContracted,
  { limits, engine }: EngineFacts,
): readonly string[] {
  const lines: string[] = []
  if (transaction === 'engine') lines.push(`in a transaction: stored by ${engine} if and only if that commits`)
  else if (transaction !== undefined)
    lines.push(
      `in a transaction of the ${transaction} store: sent if and only if that commits, with one id until confirmed`,
    )
  if (scheduled !== undefined) {
    const assumed = limits.maxDelayMs.source === 'assumed' ? ' (assumed)' : ''
    const beyond =
      delayed === undefined || delayed.beyondMs === 0 ? '' : ` beyond ${lengthOfTime(delayed.beyondMs)}${assumed}`
    const delays = delayed === undefined ? '' : `, and a delay${beyond}`
    lines.push(`kept by the ${scheduled} store until due, however long: a schedule${delays}`)
  }
  if (message.sequence) lines.push('numbered: sent in a transaction alone, neither delayed nor scheduled')
  return lines
}
