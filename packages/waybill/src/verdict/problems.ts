// What a route asks for that cannot be kept. The only place where start-up compares options with the engine.
import type { Capabilities, Limit } from '../transport/engine-facts.ts'
import { lengthOfTime } from './length-of-time.ts'
import { comesAgainWithinMs, isQuestion, isSignal, type Facts, type Route, WAIT_SHARE } from './route.ts'
import type { Problem } from './route-verdict.ts'

/** An assumed limit of which more than this share is used is worth a warning. */
const CLOSE = 0.8

/** Refusals first. */
export function problemsOf(route: Route, facts: Facts): readonly Problem[] {
  const name = `${route.service} on ${route.message.type}`
  const found = [
    ...capabilities(name, route, facts),
    ...delays(name, route, facts),
    ...deliveries(name, route, facts),
    ...settlement(name, route, facts),
    ...retention(name, route, facts),
    ...bound(route, facts),
    ...memory(route, facts),
    ...inbox(name, route),
  ]
  return [...found.filter(({ level }) => level === 'refused'), ...found.filter(({ level }) => level === 'warning')]
}

function capabilities(name: string, route: Route, { engine }: Facts): readonly Problem[] {
  const { group, transient, start } = route
  const { retentionMs } = group.channel
  const shared = !transient && !['query', 'survey'].includes(group.channel.kind)
  const wanted: readonly (readonly [asked: boolean, keyof Capabilities, string, cure: string])[] = [
    [group.ordered, 'ordered', 'wants order', 'Leave `ordered` out, and let the handler bear any order.'],
    [shared, 'durableGroups', 'wants its messages kept while it is away', 'Subscribe with `broadcast: true`.'],
    [isSignal(group), 'signals', 'is of an event that is not stored', 'Leave `stored: false` out of the contract.'],
    [
      transient && !isSignal(group),
      'transientSubscriptions',
      'is a broadcast',
      'Leave `broadcast` out: one instance receives each event.',
    ],
    [retentionMs !== undefined, 'replay', keepsEvents(retentionMs), 'Leave `retention` out of the contract.'],
    [transient && start !== 'now', 'replay', 'is a broadcast that begins in the past', 'Leave `start` out.'],
    [!transient && start === 'earliest', 'startEarliest', 'begins at the earliest message', "Set `start: 'now'`."],
    [isTime(start), 'startAtTime', 'begins at a time', "Set `start: 'now'`."],
    [isPositions(start), 'startEarliest', 'begins at positions', "Set `start: 'now'`."],
  ]
  const refused = wanted
    .filter(([asked, capability]) => asked && engine.capabilities[capability] === 'refused')
    .map(([, , what, cure]) => refuse('WAYBILL_UNSUPPORTED', `${name} ${what}, which ${engine.engine} cannot`, cure))
  if (!transient || !group.ordered) return refused
  const what = `${name} is a broadcast and ordered: its retries have no lane to wait in`
  return [...refused, refuse('WAYBILL_UNSUPPORTED', what, 'Leave `ordered` or `broadcast` out.')]
}

function delays(name: string, { retry: { longestMs } }: Route, { engine }: Facts): readonly Problem[] {
  if (longestMs === 0) return []
  if (engine.capabilities.delayedRetry === 'refused') {
    const what = `${name} retries after up to ${lengthOfTime(longestMs)}, and ${engine.engine} cannot delay a message`
    return [refuse('WAYBILL_UNSUPPORTED', what, 'Retry at once: `retry: { attempts, base: 0 }`.')]
  }
  const limit = engine.limits.maxDelayMs
  if (longestMs <= limit.value) return []
  const what = `${name} retries after up to ${lengthOfTime(longestMs)}; ${engine.engine} can delay a message by ${shown(limit)}`
  return [refuse('WAYBILL_LIMIT', what, 'Lower `retry.max`.')]
}

/** What a contract with `retention` asks for. */
export function keepsEvents(retentionMs: number | undefined): string {
  return `keeps its events for ${lengthOfTime(retentionMs ?? 0)}, to be read again`
}

/** The engine must not drop a message before we put it aside, with its history. */
function deliveries(name: string, route: Route, { engine, route: { limits } }: Facts): readonly Problem[] {
  // An asker has a deadline of its own, and an instance that is away misses messages anyway.
  if (route.transient || isQuestion(route)) return []
  const { value, source } = limits.deliveryLimit
  const needed = Math.max(route.maxDeliveries, route.retry.attempts)
  const what = `${name} may need ${needed} deliveries of a message; ${engine.engine} gives up on it after ${value} (${source})`
  const cure = "Raise the engine's delivery limit, or lower `maxDeliveries` of createBus and `retry.attempts` below it."
  if (needed >= value) return [refuse('WAYBILL_LIMIT', what, cure)]
  return source === 'assumed' && needed > value * CLOSE ? [warn('WAYBILL_LIMIT', what, cure)] : []
}

/** The engine must not take a delivery back while its handler runs. */
function settlement(name: string, route: Route, { engine, route: { limits } }: Facts): readonly Problem[] {
  const limit = limits.settleWithinMs
  const { timeoutMs, concurrency, prefetch } = route
  const cure = `Lower the handler's \`timeout\`, or raise the engine's limit${limit.source === 'assumed' ? ', and tell the transport' : ''}.`
  const takesBack = `${engine.engine} takes back what is not settled within ${shown(limit)}`
  if (timeoutMs >= limit.value)
    return [refuse('WAYBILL_LIMIT', `${name} may take ${lengthOfTime(timeoutMs)}; ${takesBack}`, cure)]
  // A delivery waits here for a slot behind those before it, or for what holds its handler back, but not for ever.
  const { breaker, rate, bulkhead, batch = 1 } = route.restraints ?? {}
  const isHeldBack = breaker !== undefined || rate !== undefined || bulkhead !== undefined
  const waitMs = isHeldBack ? Infinity : timeoutMs * (Math.ceil(prefetch / (concurrency * batch)) - 1)
  const heldMs = timeoutMs + Math.min(waitMs, WAIT_SHARE * limit.value)
  const most = limit.source === 'assumed' ? limit.value * CLOSE : limit.value
  if (!(heldMs > most)) return []
  const what = `${name} may hold a delivery for ${lengthOfTime(heldMs)}, its wait for a slot included; ${takesBack}`
  return [warn('WAYBILL_LIMIT', what, `${cure} A lower \`prefetch\` shortens the wait.`)]
}

/** The engine must not drop a message that is still being tried. */
function retention(name: string, route: Route, { engine, route: { limits } }: Facts): readonly Problem[] {
  if (route.transient || isQuestion(route)) return []
  const limit = limits.retentionMs
  const { attempts, waitsMs } = route.retry
  const neededMs = attempts * route.timeoutMs + waitsMs.most
  const what = `${name} may try a message for ${lengthOfTime(neededMs)}; ${engine.engine} drops it after ${shown(limit)}`
  const cure = "Lengthen the channel's retention, or shorten `retry` and `timeout`."
  if (neededMs >= limit.value) return [refuse('WAYBILL_LIMIT', what, cure)]
  return limit.source === 'assumed' && neededMs > limit.value * CLOSE ? [warn('WAYBILL_LIMIT', what, cure)] : []
}

/** A message must not come again after it was forgotten. */
function inbox(name: string, route: Route): readonly Problem[] {
  if (route.inbox === undefined || route.transient) return []
  const neededMs = comesAgainWithinMs(route, route.inbox)
  const { rememberedMs, deadLetterLifeMs } = route.inbox
  if (neededMs < rememberedMs) return []
  const dead = isQuestion(route) ? '' : `, ${lengthOfTime(deadLetterLifeMs)} among the dead letters included`
  const what = `${name} may see a message again after ${lengthOfTime(neededMs)}${dead}; its inbox forgets it after ${lengthOfTime(rememberedMs)}`
  const cure = "Lengthen the store's `inboxRetention`, or shorten `retry`, `timeout` or createBus({ deadLetterLife })."
  return [refuse('WAYBILL_INBOX_TOO_SHORT', what, cure)]
}

/** What is not handled yet may be dropped for want of room. The same text for every route, so that it is logged once. */
function bound(route: Route, { engine, route: { limits } }: Facts): readonly Problem[] {
  const { value, source } = limits.retentionBytes
  if (route.transient || isQuestion(route) || !Number.isFinite(value) || source === 'told') return []
  const what = `${engine.engine} drops what it has kept, handled or not, beyond ${value} bytes (${source})`
  return [warn('WAYBILL_LIMIT', what, 'Let it refuse what is new instead.')]
}

/** Unless it was asked for. The same text for every route, so that it is logged once. */
function memory(route: Route, { engine, route: { durability } }: Facts): readonly Problem[] {
  if (durability.accepted !== 'memory' || durability.source === 'told' || route.transient || isQuestion(route))
    return []
  const what = `${engine.engine} keeps messages in memory alone; the death of the server loses them`
  return [warn('WAYBILL_UNSUPPORTED', what, 'Give the engine a disk, where that matters.')]
}

function isTime(start: Route['start']): boolean {
  return typeof start === 'object' && 'time' in start
}

function isPositions(start: Route['start']): boolean {
  return typeof start === 'object' && 'positions' in start
}

function shown({ value, source }: Limit): string {
  return `${lengthOfTime(value)} (${source})`
}

function refuse(code: Problem['code'], what: string, cure: string): Problem {
  return { level: 'refused', code, what, cure }
}

function warn(code: Problem['code'], what: string, cure: string): Problem {
  return { level: 'warning', code, what, cure }
}
