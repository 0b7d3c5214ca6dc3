import type { Broker } from '../broker.ts'
import type { HostSettings } from '../stored-hosts.ts'
import { stored } from './stored.ts'

/**
 * Makes a virtual host, unless it is there, and gives it these settings. The user who makes it may use it, as by RabbitMQ;
 * who is known to this process alone needs no permissions.
 */
export async function makeVirtualHost(
  { virtualHosts, access }: Broker,
  name: string,
  settings: HostSettings,
  user: string,
): Promise<void> {
  const isNew = virtualHosts.get(name) === undefined
  await stored((done) => virtualHosts.create(name, settings, done))
  if (!isNew || access.users.get(user) === undefined) return
  const everything = { virtualHost: name, user, configure: '.*', write: '.*', read: '.*' }
  await stored((done) => access.permissions.set(everything, done))
}
