// The verdicts of a bus: its handlers, and what it sends, on the engine that it is connected to.
import type { AnyContracted } from '../../contract/contract.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import { retryPolicy } from '../../middleware/retry-policy.ts'
import { durationMs } from '../../runtime/duration.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import { explainRoute } from '../../verdict/explain-route.ts'
import { explainSend } from '../../verdict/explain-send.ts'
import type { Route } from '../../verdict/route.ts'
import type { RouteVerdict, SendVerdict, Verdicts } from '../../verdict/route-verdict.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import type { Logger } from '../observation/logger.ts'
import { killSwitchName } from '../service/limit-options.ts'
import type { PlannedSubscription } from '../service/plan-subscriptions.ts'
import { timeoutMsOf } from '../service/registration.ts'
import type { Registration } from '../service/registration.ts'
import type { Service } from '../service/service.ts'

/** What a bus does: nothing in it is running. */
export interface BusOutline {
  readonly plans: readonly PlannedSubscription[]
  /** Messages that it sends, as far as they are known; those that it handles are added. */
  readonly messages: readonly AnyContracted[]
  readonly settings: Pick<
    BusSettings,
    'maxDeliveries' | 'sendTimeoutMs' | 'requestTimeoutMs' | 'deadLetterLifeMs' | 'store'
  >
}

export interface EngineAnswers {
  readonly facts: EngineFacts
  /** @throws {WaybillError} `WAYBILL_NOT_FOUND` while the group's channel does not exist */
  readonly routeFacts: (group: Group) => Promise<RouteFacts>
  /** It has `Transport.sendWithin`. */
  readonly sendsWithin: boolean
}

/** Asks the engine about each group and channel once, and changes nothing there. */
export async function explainBus(
  { plans, messages, settings }: BusOutline,
  { facts, routeFacts, sendsWithin }: EngineAnswers,
): Promise<Verdicts> {
  const engine = { facts, routeFacts: askedOnce(routeFacts), sendsWithin }
  const routes = (await Promise.all(plans.map((plan) => verdictsOf(plan, engine, settings)))).flat()
  const handled = plans.flatMap(({ routes: handlers }) => [...handlers.values()].map(({ message }) => message))
  const sent = new Map([...handled, ...messages].map((message) => [message.type, message]))
  const sends = await Promise.all([...sent.values()].map((message) => sendVerdictOf(message, engine, settings)))
  return {
    format: 1,
    engine: facts.engine,
    routes: routes.toSorted((a, b) => compare(nameOf(a), nameOf(b))),
    sends: sends.toSorted((a, b) => compare(a.message, b.message)),
  }
}

/** One verdict for each handler of a subscription. */
export async function verdictsOf(
  plan: PlannedSubscription,
  { facts, routeFacts }: Pick<EngineAnswers, 'facts' | 'routeFacts'>,
  settings: BusOutline['settings'],
): Promise<readonly RouteVerdict[]> {
  const route = await routeFacts(plan.group)
  return routesOf(plan, settings).map((each) => explainRoute(each, { engine: facts, route }))
}

/**
 * Logs each warning once.
 *
 * @throws {WaybillError} the first refusal
 */
export function refuseWhatCannotBeKept(verdicts: readonly RouteVerdict[], logger: Logger): void {
  const problems = verdicts.flatMap((verdict) => verdict.problems)
  const [first, ...others] = problems.filter(({ level }) => level === 'refused')
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more: \`waybill explain\` shows all)`
    throw new WaybillError(first.code, `${first.what}${more}`, { cure: first.cure })
  }
  for (const [what, { cure }] of new Map(problems.map((problem) => [problem.what, problem])))
    logger.warn({ cure }, what)
}

function routesOf(
  plan: PlannedSubscription,
  { maxDeliveries, deadLetterLifeMs }: BusOutline['settings'],
): readonly Route[] {
  const { service, group, transient, start, concurrency, prefetch, skipUnknown } = plan
  return [...plan.routes.values()].map((registration) => ({
    role: registration.role,
    message: registration.message,
    service: service.name,
    group,
    transient,
    start,
    concurrency,
    prefetch,
    skipUnknownTypes: skipUnknown,
    skipUnknownVersions: registration.options.unknown === 'skip',
    timeoutMs: timeoutMsOf(registration),
    retry: retryPolicy(registration.options.retry ?? {}, () => 0),
    maxDeliveries,
    ...restraintsOf(service.name, registration),
    ...inboxOf(service, registration, deadLetterLifeMs),
  }))
}

function restraintsOf(service: string, { message, options, batch }: Registration): Pick<Route, 'restraints'> {
  const { breaker, killSwitch, rate, bulkhead } = options
  if ([breaker, killSwitch, rate, bulkhead, batch].every((each) => each === undefined)) return {}
  return {
    restraints: {
      breaker: killSwitch === undefined ? breaker?.name : killSwitchName(service, message),
      rate: rate && { limit: rate.limit, perMs: durationMs(rate.per), isPerKey: rate.key !== undefined },
      bulkhead,
      batch: batch?.size,
    },
  }
}

function inboxOf({ store }: Service, { options }: Registration, deadLetterLifeMs: number): Pick<Route, 'inbox'> {
  if (store === undefined) return {}
  const byBusinessKey = options.idempotentBy !== undefined
  return { inbox: { rememberedMs: store.inboxRetentionMs, deadLetterLifeMs, byBusinessKey } }
}

async function sendVerdictOf(
  message: AnyContracted,
  { facts, routeFacts, sendsWithin }: EngineAnswers,
  settings: BusOutline['settings'],
): Promise<SendVerdict> {
  // Of any group: durability is the channel's.
  const group: Group = { channel: message.channel, name: 'any', ordered: false }
  const route = await routeFacts(group).catch((error: unknown) => {
    if (isWaybillError(error, 'WAYBILL_NOT_FOUND')) return undefined
    throw error
  })
  return explainSend(message, facts, route, { ...settings, keepers: { store: settings.store?.name, sendsWithin } })
}

function askedOnce(routeFacts: EngineAnswers['routeFacts']): EngineAnswers['routeFacts'] {
  const asked = new Map<string, Promise<RouteFacts>>()
  return (group) => {
    const { kind, name, foreign } = group.channel
    const key = JSON.stringify([kind, foreign ?? name, group.name, group.ordered])
    const answer = asked.get(key) ?? routeFacts(group)
    asked.set(key, answer)
    return answer
  }
}

function nameOf({ message, kind, service, group }: RouteVerdict): string {
  return `${message} ${kind} ${service} ${group}`
}

/** By code units, so that it is the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
