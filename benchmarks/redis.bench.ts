// The Redis transport beside the official client alone, on one server of their own, in alternating rounds.
import { redis } from 'waybill'
import { RedisServer } from '../packages/waybill/src/testing/servers/redis-server.ts'
import { compare } from './compare.ts'
import { RawStream } from './redis-raw.ts'
import { SeamClient } from './seam-client.ts'

const BODY = Buffer.alloc(100, 'x')
const WINDOW = 256

export async function redisBench(rounds: number, messages = 20_000): Promise<void> {
  const server = await RedisServer.start()
  try {
    const seam = await SeamClient.open(redis({ url: server.url }), 'stored')
    const raw = await RawStream.open(server.url, 'raw-stored')
    try {
      await compare({
        title: 'Redis streams: append, confirm, read by a group, acknowledge',
        raw: '@redis/client',
        sides: { seam, raw },
        run: { messages, window: WINDOW, body: BODY },
        rounds,
        targets: { throughput: 0.6, cpu: 2 },
      })
    } finally {
      await raw.close()
      await seam.close()
    }
  } finally {
    await server.stop()
  }
}
