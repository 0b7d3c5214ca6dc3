// A member whose whole process is stopped for longer than its lease, and goes on: it does not know what it has missed.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { systemRuntime } from '../../../runtime/system-runtime.ts'
import { describeNeeding } from '../../../testing/needing.test-support.ts'
import { PostgresServer } from '../../../testing/servers/postgres-server.ts'
import { channel, group, message } from '../../../transport/fixtures.test-support.ts'
import type { Subscription } from '../../../transport/transport.ts'
import { postgres } from '../postgres.ts'

const CHILD = fileURLToPath(new URL('member.child.test-support.ts', import.meta.url))
/** So that what lies in the buffers of its socket is more than a process reads in one turn. */
const BULK = new Uint8Array(60_000)
const runtime = systemRuntime()
const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined
const WAIT = { timeout: 20_000, interval: 20 }

interface Handed {
  readonly text: string
  readonly shard: string
  readonly token: number
}

describeNeeding(missing)('a member of an ordered group whose process is stopped', () => {
  test("hands out nothing of what is another owner's by now", { timeout: 60_000 }, async () => {
    await using server = await PostgresServer.start()
    const next = await postgres({ url: server.url, lease: '1s' })(runtime)
    await next.connect(AbortSignal.timeout(10_000))
    const orders = channel('events', 'orders', 2)
    const child = spawn(process.execPath, ['--conditions=@waybill/source', CHILD, server.url], { stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
    try {
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (part: string) => (said += part))
      const handed = (): readonly Handed[] =>
        said
          .split('\n')
          .map((line) => line.split(' '))
          .filter((words) => words.length === 3)
          .map(([name = '', shard = '', token]) => ({ text: name, shard, token: Number(token) }))
      await expect.poll(() => said, WAIT).toContain('ready')
      const keys = ['a', 'b', 'c', 'd', 'e', 'f']
      let n = 0
      const load = async (): Promise<void> => {
        n++
        const batch = keys.map((key) => ({ message: message(`${key}${n}`, { key, body: BULK }), to: orders }))
        for (const { outcome } of await next.send(batch)) expect(outcome).toBe('accepted')
      }
      for (let round = 0; round < 10; round++) await load()
      await expect.poll(() => handed().length, WAIT).toBeGreaterThan(20)

      child.kill('SIGSTOP')
      // What it has said before is still in the pipe.
      await new Promise<void>((resolve) => void runtime.setTimer(300, resolve))
      const before = handed()
      const taken: Handed[] = []
      const subscription: Subscription = await next.subscribe(
        { group: group(orders, 'shipping', { ordered: true }), transient: false, prefetch: 8 },
        (batch) => {
          for (const each of batch)
            taken.push({ text: each.message.id, shard: String(each.shard), token: each.fencing ?? 0 })
          runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' as const }))))
        },
      )
      // More is on its way to the stopped member, too: in the buffers of its socket.
      for (let round = 0; round < 20; round++) await load()
      const all = keys.flatMap((key) => Array.from({ length: n }, (_, index) => `${key}${index + 1}`))
      const seen = (): ReadonlySet<string> => new Set([...before, ...taken].map((each) => each.text))
      await expect.poll(() => all.filter((each) => !seen().has(each)), WAIT).toEqual([])

      child.kill('SIGCONT')
      const most = (shard: string): number => Math.max(0, ...taken.filter((each) => each.shard === shard).map(({ token }) => token)) // prettier-ignore
      const [zero, one] = [most('0'), most('1')]
      const other = (shard: string): number => (shard === '0' ? zero : one)
      // It comes back as a member like any other: one shard each. Each shard counts its owners by itself.
      await expect
        .poll(async () => {
          await load()
          return handed().some(({ shard, token }) => token > other(shard))
        }, WAIT)
        .toBe(true)
      const late = handed()
        .slice(before.length)
        .filter(({ shard, token }) => token < other(shard))
      expect(late).toEqual([])
    } finally {
      child.kill('SIGKILL')
      await next.close(0)
    }
  })
})
