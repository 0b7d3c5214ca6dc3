// `waybill broker export`: what is declared in a folder, for a RabbitMQ to import. Messages stay.
import { createHash } from 'node:crypto'
import { GUEST } from '../broker/access/users.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { readAnnouncement } from '../broker/process/announcement-file.ts'
import { exportDefinitions } from '../broker/management/definitions/export-definitions.ts'
import { openBroker } from '../broker/open-broker.ts'
import { isJsonObject, type Json, type JsonObject } from '../broker/wire/json.ts'
import { findManagement } from './ctl/find-management.ts'
import { ManagementClient } from './ctl/management-client.ts'
import { shownValue } from './ctl/erlang-term.ts'
import { existingFolder } from './existing-folder.ts'

/** Of a password as RabbitMQ keeps it, before its digest. */
const SALT_OCTETS = 4

/**
 * Prints the definitions of a folder as JSON. A broker that has it open is asked for them.
 *
 * @param complain gets a warning for each definition that RabbitMQ would not take as it is
 * @throws {WaybillError} `WAYBILL_NOT_FOUND`, and as `openBroker`
 */
export async function exportFolder(
  data: string,
  print: (line: string) => void,
  complain: (text: string) => void,
): Promise<void> {
  const definitions = await definitionsOf(existingFolder(data))
  const users = objects(definitions['users']).filter((user) => !isUntouchedGuest(user))
  const isExported = (user: Json | undefined): boolean => users.some(({ name }) => name === user)
  const permissions = objects(definitions['permissions']).filter(({ user }) => isExported(user))
  const warnings: string[] = []
  const warn = (text: string): void => void warnings.push(`warning: ${text}`)
  const exported = { ...definitions, users: users.map((user) => forRabbitmq(user, warn)), permissions }
  for (const queue of objects(definitions['queues'])) warnOfQueue(queue, warn)
  for (const exchange of objects(definitions['exchanges'])) warnOfExchange(exchange, warn)
  print(JSON.stringify(exported, undefined, 2))
  warnings.forEach(complain)
}

async function definitionsOf(dir: string): Promise<JsonObject> {
  const runtime = systemRuntime()
  if (readAnnouncement(dir).state === 'announced') {
    return new ManagementClient(await findManagement(dir, runtime)).get('definitions')
  }
  const broker = await openBroker({ dir, runtime })
  try {
    return exportDefinitions(broker)
  } finally {
    await broker.close()
  }
}

/** RabbitMQ has one of its own, whose password may be another by now. */
function isUntouchedGuest({ name, password_hash: hash }: JsonObject): boolean {
  const bytes = Buffer.from(shownValue(hash), 'base64')
  const digest = createHash('sha256').update(bytes.subarray(0, SALT_OCTETS)).update(GUEST).digest()
  return name === GUEST && digest.equals(bytes.subarray(SALT_OCTETS))
}

/** RabbitMQ does not know scrypt, by which passwords are kept here. */
function forRabbitmq(user: JsonObject, warn: (text: string) => void): JsonObject {
  if (user['hashing_algorithm'] !== 'scrypt') return user
  warn(`user ${shownValue(user['name'])} has no password in RabbitMQ until you give one: rabbitmqctl change_password`)
  return { ...user, password_hash: '', hashing_algorithm: 'rabbit_password_hashing_sha256' }
}

function warnOfQueue(queue: JsonObject, warn: (text: string) => void): void {
  const where = `queue ${shownValue(queue['name'])} in virtual host ${shownValue(queue['vhost'])}`
  if (queue['durable'] !== true) warn(`${where} is not durable; newer versions of RabbitMQ 4 refuse such queues`)
}

function warnOfExchange(exchange: JsonObject, warn: (text: string) => void): void {
  if (exchange['type'] !== 'x-delayed-message') return
  const where = `exchange ${shownValue(exchange['name'])} in virtual host ${shownValue(exchange['vhost'])}`
  warn(`${where} delays messages; RabbitMQ needs the plugin rabbitmq_delayed_message_exchange for that`)
}

function objects(list: Json | undefined): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}
