// A group whose members are of two releases: the older one must not settle unseen what the newer one has asked for.
import { expect, test } from 'vitest'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import { connected, saying, text, type Connected } from './redis.test-support.ts'

async function member({ transport }: Connected, of: ReturnType<typeof group>, came: string[]) {
  const subscription = await transport.subscribe({ group: of, transient: false, prefetch: 5 }, (batch) => {
    came.push(...batch.map(text))
    subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
  })
  return subscription
}

describeOwnRedis('redis() and the types of a group', () => {
  test.each([false, true])(
    'what a newer member asks for is handed to an older one, too, ordered: %s',
    async (ordered) => {
      await using server = await RedisServer.start()
      await using older = await connected({ url: server.url })
      await using newer = await connected({ url: server.url })
      const orders = channel('events', 'orders')
      const came: string[] = []
      await member(older, group(orders, 'g', { types: ['a'], ordered }), came)
      const { transport } = older
      const send = async (body: string, type: string): Promise<void> => {
        const [result] = await transport.send([{ message: saying(body, { type }), to: orders }])
        expect(result?.outcome).toBe('accepted')
      }
      await send('b1', 'b')
      await send('a1', 'a')
      await expect.poll(() => came).toEqual(['a1'])
      const leaving = await member(newer, group(orders, 'g', { types: ['b'], ordered }), came)
      await leaving.close(1_000)
      await send('b2', 'b')
      await send('c1', 'c')
      await send('a2', 'a')
      await expect.poll(() => came, { timeout: 10_000 }).toContain('a2')
      expect(came.toSorted()).toEqual(['a1', 'a2', 'b2'])
    },
  )
})
