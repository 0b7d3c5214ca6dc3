// The parts of a definitions file (RabbitMQ, Schema Definition Export and Import). `virtualHost` is where a part that
// names none belongs.
import type { Permissions, TopicPermissions } from '../../access/all-permissions.ts'
import { exchangeDefinition } from '../../exchange/exchange-arguments.ts'
import type { ExchangeDefinition } from '../../exchange/exchange.ts'
import { queueDefinition } from '../../queue/queue-arguments.ts'
import type { QueueDefinition } from '../../queue/queue-definition.ts'
import type { Policy } from '../../policy/policies.ts'
import type { FieldTable } from '../../wire/field-table.ts'
import { jsonTable } from '../../wire/table-json.ts'
import { badRequest } from '../http/http-error.ts'
import type { JsonFields } from '../http/json-fields.ts'

export interface InHost<T> {
  readonly virtualHost: string
  readonly definition: T
}

export interface BindingDefinition {
  readonly source: string
  readonly to: 'queue' | 'exchange'
  readonly destination: string
  readonly key: string
  readonly arguments: FieldTable
}

export function readVirtualHost(fields: JsonFields, virtualHost: string | undefined): string {
  return fields.optionalText('vhost') ?? virtualHost ?? fields.text('vhost')
}

/** @throws {ReplyError} 406 for an argument that cannot be */
export function readQueue(fields: JsonFields, virtualHost: string | undefined): InHost<QueueDefinition> {
  const host = readVirtualHost(fields, virtualHost)
  const flags = {
    name: fields.text('name'),
    durable: fields.flag('durable', true),
    autoDelete: fields.flag('auto_delete', false),
    exclusive: false,
  }
  return { virtualHost: host, definition: queueDefinition(flags, jsonTable(fields.table('arguments')), host) }
}

/** @throws {ReplyError} 406 for an unknown type, or an argument that cannot be */
export function readExchange(fields: JsonFields, virtualHost: string | undefined): InHost<ExchangeDefinition> {
  const host = readVirtualHost(fields, virtualHost)
  const flags = {
    name: fields.text('name'),
    type: fields.text('type'),
    durable: fields.flag('durable', true),
    autoDelete: fields.flag('auto_delete', false),
    internal: fields.flag('internal', false),
  }
  return { virtualHost: host, definition: exchangeDefinition(flags, jsonTable(fields.table('arguments')), host) }
}

/** What it is for by default, and how much it counts, as RabbitMQ has it. */
export function readPolicy(name: string, fields: JsonFields): Policy {
  fields.require('pattern', 'definition')
  return {
    name,
    pattern: fields.text('pattern'),
    definition: fields.table('definition'),
    // What it may be is for the broker to say.
    applyTo: (fields.optionalText('apply-to') ?? 'all') as Policy['applyTo'],
    priority: fields.optionalWhole('priority') ?? 0,
  }
}

export function readPermissions(fields: JsonFields): Permissions {
  return {
    virtualHost: fields.text('vhost'),
    user: fields.text('user'),
    configure: fields.text('configure'),
    write: fields.text('write'),
    read: fields.text('read'),
  }
}

export function readTopicPermissions(fields: JsonFields): TopicPermissions {
  return {
    virtualHost: fields.text('vhost'),
    user: fields.text('user'),
    exchange: fields.text('exchange'),
    write: fields.text('write'),
    read: fields.text('read'),
  }
}

export function readBinding(fields: JsonFields, virtualHost: string | undefined): InHost<BindingDefinition> {
  const to = fields.text('destination_type')
  if (to !== 'queue' && to !== 'exchange') throw badRequest(['unsupported_destination_type', to])
  return {
    virtualHost: readVirtualHost(fields, virtualHost),
    definition: {
      source: fields.text('source'),
      to,
      destination: fields.text('destination'),
      key: fields.optionalText('routing_key') ?? '',
      arguments: jsonTable(fields.table('arguments')),
    },
  }
}
