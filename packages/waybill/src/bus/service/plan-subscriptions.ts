// From services to subscriptions: which groups a bus needs, and which handler takes which type. Pure; refuses what cannot be kept.
import { WaybillError } from '../../message/errors.ts'
import { replyType } from '../../message/build-message.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group, StartPosition } from '../../transport/transport.ts'
import { checkOptions, MAX_PREFETCH } from './check-options.ts'
import { replyChannel } from '../requests/reply-channel.ts'
import type { Registration } from './registration.ts'
import type { Service } from './service.ts'

/** One subscription to be, and its handlers by message type. */
export interface PlannedSubscription {
  readonly service: Service
  readonly group: Group
  readonly transient: boolean
  readonly start: StartPosition
  readonly concurrency: number
  readonly prefetch: number
  /** Messages that no handler here knows are acknowledged instead of put aside. */
  readonly skipUnknown: boolean
  readonly routes: ReadonlyMap<string, Registration>
}

const DEFAULT_CONCURRENCY = 16

/**
 * @throws {TypeError} for an option out of range, two services of one name, or one group used twice
 * @throws {WaybillError} `WAYBILL_COMMAND_CLAIMED` when two services of one bus claim one command, query or document;
 *   `WAYBILL_ORDER_NEEDS_SHARDS` for an ordered subscription on a channel without shards
 */
export function planSubscriptions(services: readonly Service[]): readonly PlannedSubscription[] {
  refuseTwins(services)
  const plans: PlannedSubscription[] = []
  for (const service of services) {
    const groups = Map.groupBy(service.registrations, (registration) => subscriptionKey(service, registration))
    for (const registrations of groups.values()) plans.push(planOne(service, registrations))
  }
  refuseSharedClaims(plans)
  refuseSharedGroups(plans)
  return plans
}

function planOne(service: Service, registrations: readonly Registration[]): PlannedSubscription {
  const [first] = registrations
  if (first === undefined) throw new Error('a group of registrations is never empty')
  const channel = channelOf(service, first)
  for (const registration of registrations) checkOptions(service.name, registration)
  const ordered = registrations.some((registration) => registration.options.ordered === true)
  if (ordered && channel.shards < 2) {
    throw new WaybillError(
      'WAYBILL_ORDER_NEEDS_SHARDS',
      `${service.name} wants ${first.message.type} ordered, but the channel ${channel.name} has no shards`,
    )
  }
  const most = (pick: (registration: Registration) => number | undefined): number =>
    Math.max(0, ...registrations.map((registration) => pick(registration) ?? 0))
  const isBatch = registrations.every(({ batch }) => batch !== undefined)
  const concurrency = most((registration) => registration.options.concurrency) || (isBatch ? 1 : DEFAULT_CONCURRENCY)
  const prefetch = most((registration) => registration.options.prefetch) || prefetchFor(concurrency, registrations)
  const types = registrations.map((registration) => typeOf(registration))
  return {
    service,
    group: {
      channel,
      name: groupOf(service, first),
      ordered,
      // One type among several of a contract is bound by name; other kinds have a channel of their own.
      ...((channel.kind === 'events' || isSignal(channel)) && channel.foreign === undefined ? { types } : {}),
    },
    transient: first.options.broadcast === true || isSignal(channel),
    start: startOf(service, registrations),
    concurrency,
    prefetch,
    skipUnknown: registrations.some(({ options }) => options.unknown === 'skip'),
    routes: new Map(registrations.map((registration) => [typeOf(registration), registration])),
  }
}

/** For so many runs at a time, and as many that are next: of single messages, or of batches. */
export function prefetchFor(concurrency: number, registrations: Iterable<Pick<Registration, 'batch'>>): number {
  const size = Math.max(1, ...[...registrations].map(({ batch }) => batch?.size ?? 1))
  return Math.min(MAX_PREFETCH, 2 * concurrency * size)
}

/**
 * The group of what leaves nothing behind is a label of its own, so that what the transport reports of it is not taken for
 * the service's.
 */
function groupOf(service: Service, { message, options }: Registration): string {
  if (isSignal(message.channel)) return `${service.name}.signals`
  return options.group ?? (options.broadcast === true ? `${service.name}.broadcast` : service.name)
}

function startOf(service: Service, registrations: readonly Registration[]): StartPosition {
  let start: StartPosition | undefined
  for (const { message, options } of registrations) {
    if (start !== undefined && options.start !== undefined && JSON.stringify(options.start) !== JSON.stringify(start))
      throw new TypeError(`${service.name}: ${message.type} shares a subscription that starts elsewhere`)
    start ??= options.start
  }
  return start ?? 'now'
}

function channelOf(service: Service, registration: Registration): Channel {
  return registration.role === 'reply' ? replyChannel(service.name) : registration.message.channel
}

function isSignal({ kind }: Channel): boolean {
  return kind === 'signals'
}

function typeOf(registration: Registration): string {
  return registration.role === 'reply' ? replyType(registration.message.type) : registration.message.type
}

function subscriptionKey(service: Service, registration: Registration): string {
  const channel = channelOf(service, registration)
  return JSON.stringify([
    channel.kind,
    channel.foreign ?? channel.name,
    groupOf(service, registration),
    registration.options.broadcast === true,
  ])
}

function refuseTwins(services: readonly Service[]): void {
  const names = new Set<string>()
  for (const { name } of services) {
    if (names.has(name)) throw new TypeError(`two services of one bus are named ${name}: their groups would mix`)
    names.add(name)
  }
}

/** Members of one group share its messages: with other handlers, each would put aside what the other one knows. */
function refuseSharedGroups(plans: readonly PlannedSubscription[]): void {
  const owners = new Map<string, string>()
  for (const { service, group } of plans) {
    const key = JSON.stringify([group.channel.kind, group.channel.foreign ?? group.channel.name, group.name])
    const owner = owners.get(key)
    if (owner !== undefined)
      throw new TypeError(`${owner} and ${service.name} both use the group ${group.name} of ${group.channel.name}`)
    owners.set(key, service.name)
  }
}

function refuseSharedClaims(plans: readonly PlannedSubscription[]): void {
  const owners = new Map<string, string>()
  for (const { service, group } of plans) {
    if (!hasOneRecipient(group.channel.kind)) continue
    const owner = owners.get(group.channel.name)
    if (owner !== undefined) {
      throw new WaybillError('WAYBILL_COMMAND_CLAIMED', `${owner} and ${service.name} both claim ${group.channel.name}`)
    }
    owners.set(group.channel.name, service.name)
  }
}
