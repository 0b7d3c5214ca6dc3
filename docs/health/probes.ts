import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Bus } from 'waybill'

/**
 * Probes for an orchestrator, on a port of their own.
 *
 * - `/ready`: 200 while the bus is connected and the broker counts every subscription as attached, 503 otherwise
 * - `/live`: 503 when a handler has hung: a new process would help. A lost link is no reason, it is being taken up again
 */
export function probes(bus: Bus): Server {
  return createServer((request, response) => {
    answer(bus, request.url ?? '', response).catch((error: unknown) => response.destroy(error as Error))
  })
}

async function answer(bus: Bus, path: string, response: ServerResponse): Promise<void> {
  if (path !== '/ready' && path !== '/live') return void response.writeHead(404).end()
  const health = await bus.health() // never rejects, and takes five seconds at most
  const hung = health.subscriptions.some(({ state }) => state === 'stuck')
  const well = path === '/ready' ? health.healthy : !hung
  response.writeHead(well ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(health))
}
