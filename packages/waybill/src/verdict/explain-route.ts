import { known } from './known.ts'
import { ABSENT, lossOf, NOT_STORED } from './loss.ts'
import { notesOfRoute } from './route-notes.ts'
import { problemsOf } from './problems.ts'
import { isQuestion, isSignal, type Facts, type Route } from './route.ts'
import type { LastResort, RouteVerdict } from './route-verdict.ts'
import { routeStatement } from './statement.ts'

/** What `route` promises on an engine with these facts. Pure: the same answer for the same question. */
export function explainRoute(route: Route, facts: Facts): RouteVerdict {
  const { message, group, retry, transient } = route
  const { capabilities, limits } = facts.engine
  const { durability, limits: routeLimits } = facts.route
  const lastResort = lastResortOf(route)
  const unknown = (skip: boolean): LastResort | 'skip' => (skip ? 'skip' : lastResort)
  const delivery = deliveryOf(route, facts)
  const ordered = group.ordered && !transient
  const structured: Omit<RouteVerdict, 'statement' | 'notes'> = {
    message: message.type,
    kind: route.role === 'reply' ? 'reply' : message.kind,
    channel: group.channel.foreign ?? group.channel.name,
    service: route.service,
    group: group.name,
    delivery,
    loss: isSignal(group) ? NOT_STORED : transient ? ABSENT : lossOf(durability),
    copies: transient ? { value: 1, source: 'assumed' } : known(durability.copies),
    order: {
      kept: ordered && capabilities.ordered !== 'refused' ? 'per-key' : 'none',
      shards: group.channel.shards,
      by: capabilities.ordered,
    },
    retry: {
      attempts: message.kind === 'survey' ? 1 : retry.attempts,
      waitsMs: message.kind === 'survey' ? { least: 0, most: 0 } : retry.waitsMs,
      by: capabilities.delayedRetry,
      lastResort,
    },
    timeoutMs: route.timeoutMs,
    fencing: ordered && capabilities.fencing !== 'refused' ? 'token' : 'none',
    expiry: capabilities.expiry,
    unknown: { types: unknown(route.skipUnknownTypes), versions: unknown(route.skipUnknownVersions) },
    redelivery: redeliveryOf(delivery.guarantee, facts),
    poisonAfter: countsDeliveries(facts) ? route.maxDeliveries : null,
    redeliveredWithinMs:
      routeLimits.redeliveredWithinMs === undefined || delivery.guarantee === 'at-most-once'
        ? null
        : known(routeLimits.redeliveredWithinMs),
    retention: { ms: known(routeLimits.retentionMs), bytes: known(routeLimits.retentionBytes) },
    limits: {
      deliveries: known(routeLimits.deliveryLimit),
      settleWithinMs: known(routeLimits.settleWithinMs),
      delayMs: known(limits.maxDelayMs),
      messageBytes: known(limits.maxMessageBytes),
    },
    problems: problemsOf(route, facts),
  }
  return {
    statement: routeStatement(structured, { transient }),
    ...structured,
    notes: notesOfRoute(route, structured, facts),
  }
}

function lastResortOf(route: Route): LastResort {
  if (route.transient) return 'dropped'
  return isQuestion(route) ? 'asker-told' : 'dead-letter'
}

function deliveryOf({ transient, group, inbox }: Route, { route: { limits } }: Facts): RouteVerdict['delivery'] {
  if (isSignal(group)) return { guarantee: 'at-most-once', why: 'it is not stored' }
  if (transient) return { guarantee: 'at-most-once', why: 'nothing is kept for an instance that is away' }
  if (limits.deliveryLimit.value <= 1) return { guarantee: 'at-most-once', why: 'the engine hands a message out once' }
  if (inbox === undefined)
    return { guarantee: 'at-least-once', why: 'a message is acknowledged after its handler has returned' }
  // An ordinary client's message without an id has a new one each time it is handed out.
  if (group.channel.foreign !== undefined && !inbox.byBusinessKey)
    return {
      guarantee: 'at-least-once',
      why: "ordinary clients' messages may have no id that the inbox could know again",
    }
  return {
    guarantee: 'effectively-once',
    why: 'what the handler writes and sends commits with the note that it was handled',
    rememberedMs: inbox.rememberedMs,
  }
}

function redeliveryOf(guarantee: RouteVerdict['delivery']['guarantee'], facts: Facts): RouteVerdict['redelivery'] {
  if (guarantee === 'at-most-once') return 'none'
  return countsDeliveries(facts) ? 'marked' : 'unmarked'
}

function countsDeliveries({ engine, route }: Facts): boolean {
  return route.countsDeliveries ?? engine.capabilities.deliveryCount !== 'refused'
}
