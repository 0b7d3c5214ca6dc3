// Whose dead letters are meant, and what is known of them here.
import type { AnyContracted } from '../../contract/contract.ts'
import { DeadLetters } from '../../dead-letters/dead-letters.ts'
import type { Transport } from '../../transport/transport.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import type { AnyKept, DeadLettersOptions } from './dead-letters-options.ts'
import { planSubscriptions, type PlannedSubscription } from '../service/plan-subscriptions.ts'
import { SERVICE_NAME, type Service } from '../service/service.ts'

interface Known {
  readonly transport: Transport
  readonly settings: Pick<BusSettings, 'runtime' | 'name' | 'deadLetterLifeMs'>
  readonly plans: readonly PlannedSubscription[]
}

/** @throws {TypeError} for no name of a service or group, or a service that does not handle `message` */
export function deadLettersOf<M extends AnyKept>(
  { transport, settings, plans }: Known,
  whose: string | Service,
  message: M,
  options: DeadLettersOptions,
): DeadLetters<M> {
  const plan = planOf(plans, whose, message)
  if (plan === undefined && (typeof whose !== 'string' || !SERVICE_NAME.test(whose)))
    throw new TypeError(`${typeof whose === 'string' ? `"${whose}"` : whose.name} has no group for ${message.type}`)
  const name = typeof whose === 'string' ? whose : whose.name
  const group = plan?.group ?? { channel: message.channel, name, ordered: options.ordered ?? false }
  const handled = [...(plan?.routes.values() ?? [])].filter(({ role }) => role !== 'reply').map((each) => each.message)
  // Of a group that others run nobody here knows whether it has an inbox.
  const hasInbox = plan === undefined || plan.service.store !== undefined
  return new DeadLetters<M>({
    transport,
    runtime: settings.runtime,
    group,
    contracts: [message, ...handled],
    by: settings.name,
    lifeMs: hasInbox ? settings.deadLetterLifeMs : Infinity,
  })
}

/** The group of a service or of that name, run here or, of a service that is given, anywhere. */
function planOf(
  plans: readonly PlannedSubscription[],
  whose: string | Service,
  { type }: AnyContracted,
): PlannedSubscription | undefined {
  const takes = ({ routes }: PlannedSubscription): boolean => {
    const role = routes.get(type)?.role
    return role !== undefined && role !== 'reply'
  }
  if (typeof whose === 'string') {
    const named = plans.filter(({ service, group }) => service.name === whose || group.name === whose).filter(takes)
    return named.find(({ group }) => group.name === whose) ?? named[0]
  }
  return [...plans.filter(({ service }) => service === whose), ...planSubscriptions([whose])].find(takes)
}
