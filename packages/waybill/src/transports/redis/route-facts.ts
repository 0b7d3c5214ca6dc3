import type { RouteFacts } from '../../transport/engine-facts.ts'
import { text, type Connection, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { routeFacts, type Persistence } from './facts.ts'
import type { Settings } from './settings.ts'

/** What taking over what a member had needs beyond its lease. */
const TAKE_OVER_MS = 2_000

/** All groups of a server are kept alike. */
export async function routeFactsOf({ connection, settings }: Context): Promise<RouteFacts> {
  return routeFacts(await persistenceOf(connection()), settings.leaseMs + TAKE_OVER_MS)
}

/** A server that nobody has asked. As Redis comes, it keeps no append-only file. */
export function assumedRouteFacts({ leaseMs }: Settings): RouteFacts {
  return routeFacts(UNASKED, leaseMs + TAKE_OVER_MS)
}

const UNASKED: Persistence = {
  appendOnly: undefined,
  appendFsync: undefined,
  maxMemory: undefined,
  maxMemoryPolicy: undefined,
}

/** `INFO` tells most, everywhere; managed servers refuse `CONFIG`. */
async function persistenceOf(connection: Connection): Promise<Persistence> {
  const [info, config] = await Promise.all([
    connection.command('INFO').then(text, () => ''),
    connection.command('CONFIG', 'GET', 'appendfsync').catch((): Reply => []),
  ])
  const told = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
  const appendOnly = told('aof_enabled')
  const maxMemory = told('maxmemory')
  return {
    appendOnly: appendOnly === undefined ? undefined : appendOnly === '1',
    appendFsync: Array.isArray(config) && config.length > 1 ? text(config[1] as Reply) : undefined,
    maxMemory: maxMemory === undefined ? undefined : Number(maxMemory),
    maxMemoryPolicy: told('maxmemory_policy'),
  }
}
