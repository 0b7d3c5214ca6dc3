import { once } from 'node:events'
import { createServer } from 'node:net'
import { systemRuntime } from '../../runtime/system-runtime.ts'

/** What kernels leave to servers: the ports that they give to connecting clients begin above (32768 on Linux, 49152 elsewhere). */
const FIRST = 10_000
const BEHIND = 32_000
const TRIES = 100

const runtime = systemRuntime()
const given = new Set<number>()

/**
 * A TCP port of 127.0.0.1 that nobody listens on now, and that no client's connection takes before the caller does: a port that
 * the kernel gives may be the next connection's. Another process that looks for one by chance may; it is unlikely.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = FIRST + Math.floor(runtime.random() * (BEHIND - FIRST))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no port of 127.0.0.1 from ${FIRST} to ${BEHIND - 1} is free, after ${TRIES} tries`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.listen(port, '127.0.0.1')
  if (!(await listening)) return false
  server.close()
  await once(server, 'close')
  return true
}
