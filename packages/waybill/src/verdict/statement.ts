// A verdict in one line.
import { lengthOfTime, rangeOfTime } from './length-of-time.ts'
import { lossInWords } from './loss.ts'
import type { LastResort, RouteVerdict, SendVerdict } from './route-verdict.ts'

/** `orders.placed → shipping: at least once, no loss window, ordered per key, 6 attempts over 9 min, then dead letter` */
export function routeStatement(
  verdict: Omit<RouteVerdict, 'statement' | 'notes'>,
  { transient }: { readonly transient: boolean },
): string {
  const { delivery, order, fencing } = verdict
  const clauses = [
    delivery.guarantee.replaceAll('-', ' '),
    lossInWords(verdict.loss),
    order.kept === 'none' ? 'no order' : 'ordered per key',
    `${attemptsInWords(verdict)}, then ${LAST_RESORTS[verdict.retry.lastResort]}`,
  ]
  const behind = order.kept === 'none' ? '' : `; fencing: ${fencing}`
  return `${subject(verdict)} → ${recipient(verdict, transient)}: ${clauses.join(', ')}${behind}`
}

/** `send orders.place: confirmed once synced to disk, refused when nobody can receive it, unknown after 30 s` */
export function sendStatement(verdict: Omit<SendVerdict, 'statement' | 'notes'>, verbs: string): string {
  const { repliesWithinMs, kind } = verdict
  const isQuestion = kind === 'query' || kind === 'survey'
  const clauses = [
    CONFIRMED[verdict.confirmed],
    ...(verdict.loss === null ? [] : [lossInWords(verdict.loss)]),
    WITHOUT_RECIPIENT[verdict.withoutRecipient],
    ...(isQuestion ? [] : [`outcome unknown after ${lengthOfTime(verdict.unknownAfterMs)}`]),
    ...(repliesWithinMs === null
      ? []
      : [`${kind === 'survey' ? 'replies' : 'reply'} within ${lengthOfTime(repliesWithinMs)}`]),
  ]
  return `${verbs} ${verdict.message}: ${clauses.join(', ')}`
}

const LAST_RESORTS: Readonly<Record<LastResort, string>> = {
  'dead-letter': 'dead letter',
  'asker-told': 'the asker is told',
  dropped: 'dropped',
}

const CONFIRMED: Readonly<Record<SendVerdict['confirmed'], string>> = {
  synced: 'confirmed once synced to disk',
  written: 'confirmed once written',
  memory: 'confirmed once in memory',
  nothing: 'not confirmed',
  unknown: 'confirmed once stored',
}

const WITHOUT_RECIPIENT: Readonly<Record<SendVerdict['withoutRecipient'], string>> = {
  refused: 'refused when nobody can receive it',
  forgotten: 'forgotten when nobody subscribed',
  kept: 'kept when nobody can receive it',
}

function subject({ kind, message }: Pick<RouteVerdict, 'kind' | 'message'>): string {
  return kind === 'reply' ? `reply to ${message}` : message
}

function recipient({ service, group }: Pick<RouteVerdict, 'service' | 'group'>, transient: boolean): string {
  if (transient) return `each ${service}`
  return group === service ? service : `${service} (group ${group})`
}

function attemptsInWords({ retry: { attempts, waitsMs, lastResort } }: Pick<RouteVerdict, 'retry'>): string {
  // Who waits for the answer decides about trying again.
  if (attempts === 1 || lastResort === 'asker-told') return '1 attempt'
  return `${attempts} attempts ${waitsMs.most === 0 ? 'at once' : `over ${rangeOfTime(waitsMs.least, waitsMs.most)}`}`
}
