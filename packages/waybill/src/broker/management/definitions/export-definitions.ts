import type { Queue } from '../../queue/queue.ts'
import { BEHAVES_LIKE } from '../../server/server-properties.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import type { JsonObject } from '../../wire/json.ts'
import type { Broker } from '../../broker.ts'
import { bindingDefinitionJson, shownBinding } from '../show/binding-json.ts'
import { byName } from '../show/by-name.ts'
import { exchangeDefinitionJson } from '../show/exchange-json.ts'
import { permissionsJson, topicPermissionsJson } from '../show/permissions-json.ts'
import { policyDefinitionJson } from '../show/policy-json.ts'
import { queueDefinitionJson } from '../show/queue-json.ts'
import { userJson } from '../show/user-json.ts'

/** Everything that is declared, as RabbitMQ takes it: without messages, and without what belongs to one connection. */
export function exportDefinitions({ virtualHosts, access }: Broker): JsonObject {
  const hosts = byName(virtualHosts.all())
  const all = (of: (host: VirtualHost) => readonly JsonObject[]): readonly JsonObject[] =>
    hosts.flatMap((host) => of(host).map((definition) => ({ ...definition, vhost: host.name })))
  return {
    rabbit_version: BEHAVES_LIKE,
    rabbitmq_version: BEHAVES_LIKE,
    product_name: 'Waybill',
    users: byName(access.users.all()).map(userJson),
    vhosts: hosts.map(({ name, settings }) => ({ name, ...settings })),
    permissions: access.permissions.all().map(permissionsJson),
    topic_permissions: access.permissions.allTopics().map(topicPermissionsJson),
    parameters: [],
    global_parameters: [],
    policies: all(policies),
    queues: all(queues),
    exchanges: all(exchanges),
    bindings: all(bindings),
  }
}

/** What is declared in one virtual host, to be imported into any. */
export function exportVirtualHost(host: VirtualHost): JsonObject {
  return {
    rabbit_version: BEHAVES_LIKE,
    parameters: [],
    policies: policies(host),
    queues: queues(host),
    exchanges: exchanges(host),
    bindings: bindings(host),
  }
}

function policies({ policies: held }: VirtualHost): readonly JsonObject[] {
  return byName(held.all()).map(policyDefinitionJson)
}

function queues(host: VirtualHost): readonly JsonObject[] {
  return byName(host.queues.values()).filter(isLasting).map(queueDefinitionJson)
}

/** Those that are always there need not be told. */
function exchanges(host: VirtualHost): readonly JsonObject[] {
  return byName(host.exchanges.values())
    .filter(({ name }) => !name.startsWith('amq.'))
    .map(({ definition }) => exchangeDefinitionJson(definition))
}

function bindings(host: VirtualHost): readonly JsonObject[] {
  return byName(host.exchanges.values()).flatMap((exchange) =>
    exchange.bindings
      .map(shownBinding)
      .filter(({ to, destination }) => to === 'exchange' || isLasting(host.queues.get(destination)))
      .map(bindingDefinitionJson),
  )
}

function isLasting(queue: Queue | undefined): boolean {
  return queue?.definition.exclusive === false
}
