// What integration tests of the Redis transport share.
import { createClient } from '@redis/client'
import { connectedBy, type Connected } from '../../testing/connected.test-support.ts'
import type { RedisOptions } from './redis-options.ts'
import { redis } from './redis.ts'

export { numbered, runtime, saying, send, text, type Connected } from '../../testing/connected.test-support.ts'

export const connected = (options: RedisOptions): Promise<Connected> => connectedBy(redis(options))

/** What an ordinary client asks the server. */
export async function asked(url: string, ...args: readonly string[]): Promise<unknown> {
  const client = createClient({ url, RESP: 2 })
  await client.connect()
  try {
    return await client.sendCommand(args)
  } finally {
    client.destroy()
  }
}
