// Servers in containers, where the program is not installed.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../packages/waybill/src/testing/servers/free-port.ts'
import type { ServerKind } from './kinds.ts'
import { ServerRecords, type ServerRecord } from './records.ts'

const FILE = fileURLToPath(new URL('../../compose.yaml', import.meta.url))
/** Images may have to be fetched first. */
const UP_MS = 600_000
const DOWN_MS = 60_000
const LOOK_MS = 10_000

/** Whether there is Docker Compose, and an engine that answers it. */
export function hasEngine(): boolean {
  try {
    execFileSync('docker', ['compose', 'ls'], { stdio: 'ignore', timeout: LOOK_MS })
    return true
  } catch {
    return false // no Docker, no Compose, or no engine
  }
}

/**
 * Starts a service of `compose.yaml` in a project of its own, with data that goes with it, and waits for its health.
 *
 * @param others all kinds: a service may publish more than one port, and all must be free
 */
export async function composeUp(
  kind: ServerKind,
  port: number | undefined,
  others: readonly ServerKind[],
): Promise<ServerRecord> {
  const hash = createHash('sha256').update(new ServerRecords().folder).digest('hex').slice(0, 12)
  const composeProject = `waybill-${hash}-${kind.name}`
  const url = new URL(kind.standardUrl)
  url.port = String(port ?? (await freePort()))
  const env = { ...process.env }
  for (const { name } of others) env[portVariable(name)] = name === kind.name ? url.port : String(await freePort())
  const args = ['compose', '-f', FILE, '-p', composeProject, '--profile', kind.service, 'up', '--detach', '--wait']
  execFileSync('docker', args, { env, stdio: ['ignore', 2, 2], timeout: UP_MS })
  return { name: kind.name, url: url.href, version: await kind.version(url.href), processes: [], composeProject }
}

export function composeDown(project: string): void {
  const args = ['compose', '-f', FILE, '-p', project, '--profile', '*', 'down', '--volumes']
  execFileSync('docker', args, { stdio: ['ignore', 2, 2], timeout: DOWN_MS })
}

/** `compose.yaml` reads the port of a service from it. */
export function portVariable(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_PORT`
}
