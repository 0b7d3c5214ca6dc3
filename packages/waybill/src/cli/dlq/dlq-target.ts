// Whose dead letters are meant, and how the engine is reached.
import { resolve } from 'node:path'
import type { BusOptions } from '../../bus/settings/bus-options.ts'
import { planSubscriptions, type PlannedSubscription } from '../../bus/service/plan-subscriptions.ts'
import { replyChannel } from '../../bus/requests/reply-channel.ts'
import { resolveTransport, type TransportEnvironment } from '../../bus/settings/resolve-transport.ts'
import type { AnyContracted } from '../../contract/contract.ts'
import type { Channel, ChannelKind } from '../../transport/channel.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { Group } from '../../transport/transport.ts'
import { durationMs } from '../../runtime/duration.ts'
import { existingFolder } from '../existing-folder.ts'
import { exportedServices } from '../exported-services.ts'
import { UsageError } from '../usage-error.ts'
import { given, numberOf, type DlqOptions } from './dlq-options.ts'

export interface DlqTarget {
  readonly group: Group
  /** What the bodies may be; none where no module was named. */
  readonly contracts: readonly AnyContracted[]
  /** Of a service with a store, and where nobody knows: how old a letter may be. */
  readonly lifeMs: number
  readonly factory: TransportFactory
}

const KINDS: readonly ChannelKind[] = ['events', 'command', 'document', 'query', 'survey', 'reply']

/** @throws {UsageError} when it is not one group that is meant */
export async function targetOf(
  files: readonly string[],
  options: DlqOptions,
  environment: TransportEnvironment,
): Promise<DlqTarget> {
  if (files.length === 0) {
    const lifeMs = durationMs('14d')
    return {
      group: namedGroup(options),
      contracts: [],
      lifeMs,
      factory: await factoryOf(undefined, options, environment),
    }
  }
  const { options: busOptions } = await exportedServices(files)
  const plan = planOf(planSubscriptions(busOptions.services ?? []), options)
  return {
    group: plan.group,
    contracts: [...plan.routes.values()].filter(({ role }) => role !== 'reply').map(({ message }) => message),
    lifeMs: plan.service.store === undefined ? Infinity : durationMs(busOptions.deadLetterLife ?? '14d'),
    factory: await factoryOf(busOptions.transport, options, environment),
  }
}

/** An address on the command line goes before what the modules say, and that before the environment. */
async function factoryOf(
  transport: BusOptions['transport'],
  { url }: DlqOptions,
  environment: TransportEnvironment,
): Promise<TransportFactory> {
  if (url === undefined && transport !== undefined) return transport
  const address = url ?? environment.url
  // A folder that is misspelt would be made, and be empty.
  if (address !== undefined && !/^[a-z][a-z0-9+.-]+:/i.test(address)) existingFolder(resolve(environment.cwd, address))
  return (await resolveTransport({ ...environment, url: address })).factory
}

function planOf(plans: readonly PlannedSubscription[], { group, channel }: DlqOptions): PlannedSubscription {
  const durable = plans.filter(({ transient }) => !transient)
  const found = durable.filter(
    (plan) =>
      (group === undefined || plan.group.name === group || plan.service.name === group) &&
      (channel === undefined || plan.group.channel.name === channel || plan.group.channel.foreign === channel),
  )
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const listed = (found.length === 0 ? durable : found).map(
    ({ group: { name, channel: of } }) => `  --channel ${of.foreign ?? of.name} --group ${name}`,
  )
  throw new UsageError(
    `${found.length === 0 ? 'there is no such group' : 'several groups are meant'}:\n${listed.join('\n')}`,
  )
}

/** A group that no module tells of. */
function namedGroup({ channel: name, group, kind = 'events', shards, ordered = false, foreign }: DlqOptions): Group {
  if (group === undefined || (name === undefined && kind !== 'reply'))
    throw new UsageError('name the group: --channel <name> --group <name>, or modules that export services')
  if (!KINDS.some((known) => known === kind)) throw new UsageError(`--kind is one of ${KINDS.join(', ')}, not ${kind}`)
  if (name === undefined || kind === 'reply') return { channel: replyChannel(group), name: group, ordered: false }
  const count = numberOf('--shards', shards, { least: 1 }) ?? 1
  const channel: Channel = { kind: kind as ChannelKind, name, shards: count, ...given({ foreign }) } // checked above
  return { channel, name: group, ordered }
}
