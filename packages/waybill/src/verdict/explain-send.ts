import type { AnyContracted } from '../contract/contract.ts'
import type { EngineFacts, RouteFacts } from '../transport/engine-facts.ts'
import { laterInWords, laterOf, type Keepers } from './kept-for-later.ts'
import { known } from './known.ts'
import { keepsEvents } from './problems.ts'
import { lossOf, NOT_STORED } from './loss.ts'
import { isSignal } from './route.ts'
import type { Problem, SendVerdict } from './route-verdict.ts'
import { sendStatement } from './statement.ts'

export interface SendOptions {
  readonly sendTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepers: Keepers
}

const VERBS: Readonly<Record<AnyContracted['kind'], string>> = {
  event: 'publish',
  command: 'send',
  document: 'send',
  query: 'request',
  survey: 'scatter',
}

/**
 * What is promised to who sends `message`. Pure.
 *
 * @param route what the engine says of its channel; `undefined` while that does not exist
 */
export function explainSend(
  message: AnyContracted,
  engine: EngineFacts,
  route: RouteFacts | undefined,
  { sendTimeoutMs, requestTimeoutMs, keepers }: SendOptions,
): SendVerdict {
  const { kind, channel, type } = message
  const { capabilities, limits } = engine
  const answered = kind === 'query' || kind === 'survey' || kind === 'command'
  const structured: Omit<SendVerdict, 'statement' | 'notes'> = {
    message: type,
    kind,
    channel: channel.foreign ?? channel.name,
    confirmed: confirmedOf(engine, route),
    loss: isSignal(message) ? NOT_STORED : route === undefined ? null : lossOf(route.durability),
    copies: route === undefined ? null : known(route.durability.copies),
    withoutRecipient: withoutRecipient(kind, engine),
    unknownAfterMs: kind === 'query' || kind === 'survey' ? requestTimeoutMs : sendTimeoutMs,
    repliesWithinMs: answered ? requestTimeoutMs : null,
    limits: { messageBytes: known(limits.maxMessageBytes), delayMs: known(limits.maxDelayMs) },
    ...laterOf(message, engine, keepers),
    problems: [...keeping(message, engine), ...expiring(message, engine)],
  }
  const verbs = kind === 'command' ? 'send, request' : VERBS[kind]
  const notes = [
    ...(capabilities.confirms === 'refused' ? ['a send resolves on trust: the engine does not confirm'] : []),
    ...(route === undefined ? ['the channel does not exist yet: the engine can say nothing of it'] : []),
    ...laterInWords(structured, message, engine),
  ]
  return { statement: sendStatement(structured, verbs), ...structured, notes }
}

function confirmedOf({ capabilities }: EngineFacts, route: RouteFacts | undefined): SendVerdict['confirmed'] {
  if (capabilities.confirms === 'refused') return 'nothing'
  return route === undefined ? 'unknown' : route.durability.accepted
}

/** A command, query or document wants one recipient; what is told to everybody may find nobody. */
function withoutRecipient(kind: AnyContracted['kind'], { capabilities }: EngineFacts): SendVerdict['withoutRecipient'] {
  if (kind === 'event' || kind === 'survey') return 'forgotten'
  return capabilities.unroutable === 'refused' ? 'kept' : 'refused'
}

function keeping({ channel, type }: AnyContracted, { capabilities, engine }: EngineFacts): readonly Problem[] {
  if (channel.retentionMs === undefined || capabilities.replay !== 'refused') return []
  const what = `${type} ${keepsEvents(channel.retentionMs)}, which ${engine} cannot`
  return [{ level: 'refused', code: 'WAYBILL_UNSUPPORTED', what, cure: 'Leave `retention` out of the contract.' }]
}

/** A request expires with its time-out: an engine that refuses such messages refuses every request. */
function expiring({ kind, type }: AnyContracted, { capabilities, engine }: EngineFacts): readonly Problem[] {
  if (capabilities.expiry !== 'refused' || (kind !== 'query' && kind !== 'survey')) return []
  const what = `${type} expires when its asker stops waiting, and ${engine} has no messages that expire`
  return [{ level: 'warning', code: 'WAYBILL_UNSUPPORTED', what, cure: 'Ask on another engine.' }]
}
