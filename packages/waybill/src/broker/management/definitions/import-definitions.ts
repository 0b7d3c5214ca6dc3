import type { Runtime } from '../../../runtime/runtime.ts'
import type { Broker } from '../../broker.ts'
import type { ExchangeDefinition } from '../../exchange/exchange.ts'
import type { Policy } from '../../policy/policies.ts'
import type { QueueDefinition } from '../../queue/queue-definition.ts'
import type { Durable } from '../../store/message-log.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import { badRequest } from '../http/http-error.ts'
import type { JsonFields } from '../http/json-fields.ts'
import { makeVirtualHost } from '../make-virtual-host.ts'
import { readUser } from '../resources/users.ts'
import { settingsOf } from '../resources/virtual-hosts.ts'
import { stored, storedBy } from '../stored.ts'
import {
  readBinding,
  readExchange,
  readPermissions,
  readPolicy,
  readQueue,
  readTopicPermissions,
  readVirtualHost,
  type BindingDefinition,
  type InHost,
} from './definition-readers.ts'

/** Declared in one turn of the event loop, then waited for. */
const BURST = 200

type Step = () => Promise<void>

/**
 * Declares what a definitions file says: users and virtual hosts first. Users, permissions and policies replace those that
 * exist; a queue or an exchange that exists is left as it is, and a binding whose ends do not exist is passed over, as by
 * RabbitMQ. The file is read as a whole before anything is changed.
 *
 * @param importer the user who may use the virtual hosts that are made
 * @throws {HttpError} 400 for what cannot be read, and for a virtual host that is missing
 * @throws {WaybillError} `WAYBILL_INVALID_DEFINITION`
 * @throws {ReplyError} what the broker refuses; what came before it stays
 */
export async function importDefinitions(
  broker: Broker,
  runtime: Runtime,
  fields: JsonFields,
  importer: string,
): Promise<void> {
  const steps = [
    await accessSteps(broker, fields),
    fields.list('vhosts').map((host) => virtualHostStep(broker, host, importer)),
    permissionSteps(broker, fields),
    ...hostSteps(broker, fields, undefined),
  ]
  await take(steps, runtime)
}

/** The same for what is within virtual hosts: all of it goes into one. */
export async function importIntoVirtualHost(
  broker: Broker,
  runtime: Runtime,
  fields: JsonFields,
  virtualHost: string,
): Promise<void> {
  await take(hostSteps(broker, fields, virtualHost), runtime)
}

async function take(kinds: readonly (readonly Step[])[], runtime: Runtime): Promise<void> {
  for (const steps of kinds) {
    for (let at = 0; at < steps.length; at += BURST) {
      await Promise.all(steps.slice(at, at + BURST).map((step) => step()))
      await new Promise<void>((resolve) => runtime.defer(resolve))
    }
  }
}

async function accessSteps({ access }: Broker, fields: JsonFields): Promise<readonly Step[]> {
  const users = await Promise.all(fields.list('users').map((user) => readUser(user.text('name'), user)))
  return users.map((user) => () => stored((done) => access.users.set(user, done)))
}

function permissionSteps({ access: { permissions } }: Broker, fields: JsonFields): readonly Step[] {
  return [
    ...fields.list('permissions').map((one): Step => {
      const read = readPermissions(one)
      return () => stored((done) => permissions.set(read, done))
    }),
    ...fields.list('topic_permissions').map((one): Step => {
      const read = readTopicPermissions(one)
      return () => stored((done) => permissions.setTopics(read, done))
    }),
  ]
}

/** What is to be done within virtual hosts, one kind after the other. */
function hostSteps(
  { virtualHosts }: Broker,
  fields: JsonFields,
  virtualHost: string | undefined,
): readonly (readonly Step[])[] {
  const inHost = <T>(act: (host: VirtualHost, definition: T) => Promise<void>) => {
    return ({ virtualHost: name, definition }: InHost<T>): Step =>
      async () => {
        const host = virtualHosts.get(name)
        if (host === undefined) throw badRequest(['no_such_vhost', name])
        await act(host, definition)
      }
  }
  const policies = fields.list('policies').map((policy) => ({
    virtualHost: readVirtualHost(policy, virtualHost),
    definition: readPolicy(policy.text('name'), policy),
  }))
  return [
    policies.map(inHost(setPolicy)),
    fields.list('queues').map((queue) => inHost(declareQueue)(readQueue(queue, virtualHost))),
    fields.list('exchanges').map((exchange) => inHost(declareExchange)(readExchange(exchange, virtualHost))),
    fields.list('bindings').map((binding) => inHost(bind)(readBinding(binding, virtualHost))),
  ]
}

function virtualHostStep(broker: Broker, fields: JsonFields, importer: string): Step {
  const [name, settings] = [fields.text('name'), settingsOf(fields)]
  return async () => {
    if (broker.virtualHosts.get(name) === undefined) await makeVirtualHost(broker, name, settings, importer)
  }
}

function setPolicy({ policies }: VirtualHost, policy: Policy): Promise<void> {
  return stored((done) => policies.set(policy, done))
}

async function declareQueue(host: VirtualHost, definition: QueueDefinition): Promise<void> {
  if (host.findQueue(definition.name) !== undefined) return
  await storedBy({ host }, (connection, done) => host.declareQueue(definition, connection, done))
}

async function declareExchange(host: VirtualHost, definition: ExchangeDefinition): Promise<void> {
  if (host.exchanges.has(definition.name)) return
  await storedBy({ host }, (connection, done) => host.declareExchange(definition, connection, done))
}

async function bind(host: VirtualHost, definition: BindingDefinition): Promise<void> {
  const { source, to, destination, key, arguments: table } = definition
  const isThere = to === 'queue' ? host.queues.has(destination) : host.exchanges.has(destination)
  if (!isThere || !host.exchanges.has(source)) return
  await storedBy({ host }, (connection, done: Durable) =>
    to === 'queue'
      ? host.bind(connection, destination, source, key, table, done)
      : host.bindExchange(connection, destination, source, key, table, done),
  )
}
