import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, test } from 'vitest'
import { describeNeeding } from '../../packages/waybill/src/testing/needing.test-support.ts'
import { freePort } from '../../packages/waybill/src/testing/servers/free-port.ts'
import { RedisServer } from '../../packages/waybill/src/testing/servers/redis-server.ts'
import type { ServerRecord } from './records.ts'
import { redisVersion } from './versions.ts'

const PROGRAM = fileURLToPath(new URL('../servers.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'waybill-servers-test-'))

/** Runs the command with records of its own; resolves with what it prints and its exit code. */
function servers(...words: readonly string[]): Promise<{ readonly text: string; readonly code: number }> {
  const env = { ...process.env, WAYBILL_SERVERS_DIR: folder, REDIS_URL: 'redis://127.0.0.1:1' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@waybill/source', PROGRAM, ...words], { env }, (error, out, err) =>
      resolve({ text: out + err, code: Number(error?.code ?? 0) }),
    )
  })
}

function record(): ServerRecord {
  return JSON.parse(readFileSync(join(folder, 'redis.json'), 'utf8')) as ServerRecord
}

describeNeeding(RedisServer.findProgram() === undefined ? 'redis-server is not installed' : undefined)(
  'npm run servers',
  () => {
    afterEach(() => servers('down'))
    afterAll(() => rmSync(folder, { recursive: true }))

    test('up starts a server on the port that was given, status tells, down ends it', async () => {
      const port = await freePort()
      const url = `redis://127.0.0.1:${port}`
      const up = await servers('up', `redis:${port}`)
      expect(up).toEqual({
        text: expect.stringMatching(new RegExp(`^# redis [0-9.]+ pid \\d+\nexport REDIS_URL='${url}'\n$`)) as string,
        code: 0,
      })
      expect(await redisVersion(url)).toMatch(/^\d/)
      expect(await servers('status', 'redis')).toEqual(up)
      expect(await servers('up', 'redis')).toEqual(up)
      expect(await servers('down', 'redis')).toEqual({ text: '# redis: ended\n', code: 0 })
      await expect(redisVersion(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      expect(await servers('status', 'redis')).toEqual({ text: '# redis: not started by us\n', code: 0 })
      expect(await servers('down', 'redis')).toEqual({ text: '# redis: not started by us\n', code: 0 })
      expect(readdirSync(folder)).toEqual(['redis.log'])
    })

    test('a server whose keeper was killed is ended by down, and by the next up', async () => {
      await servers('up', 'redis')
      for (const next of ['down', 'up']) {
        const { url, processes } = record()
        expect(processes).toHaveLength(2)
        process.kill(processes[0]?.pid ?? 0, 'SIGKILL')
        await expect
          .poll(async () => (await servers('status', 'redis')).text, { timeout: 20_000 })
          .toContain('its keeper was killed')
        expect(await redisVersion(url)).toMatch(/^\d/)
        expect(await servers(next, 'redis')).toMatchObject({ code: 0 })
        await expect(redisVersion(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
        const data = readdirSync(folder).filter((name) => name.endsWith('.data'))
        expect(data).toEqual(next === 'down' ? [] : ['redis.data'])
        for (const name of data) expect(readdirSync(join(folder, name))).toHaveLength(1)
        if (next === 'down') await servers('up', 'redis')
      }
    })

    test('a process that has the id of one that has ended is let alone', async () => {
      await servers('up', 'redis')
      const { processes } = record()
      await using other = await RedisServer.start()
      const ids = processes.map(({ pid }) => ({ pid, started: 'another time' }))
      writeFileSync(join(folder, 'redis.json'), JSON.stringify({ ...record(), processes: ids }))
      expect(await servers('down', 'redis')).toMatchObject({ text: '# redis: ended\n' })
      expect(await redisVersion(other.url)).toMatch(/^\d/)
      for (const { pid } of processes) expect(process.kill(pid, 0)).toBe(true)
      process.kill(processes[0]?.pid ?? 0, 'SIGTERM')
    })

    test('up says why a server does not start, and leaves nothing', async () => {
      await using other = await RedisServer.start()
      const { text, code } = await servers('up', `redis:${other.port}`)
      expect(text).toMatch(/^# redis: [^]*Address already in use/)
      expect(code).toBe(1)
      expect(await servers('status', 'redis')).toEqual({ text: '# redis: not started by us\n', code: 0 })
    })

    test('a name or a port that cannot be is refused', async () => {
      for (const word of ['rediss', 'redis:0', 'redis:x']) {
        expect(await servers('up', word)).toMatchObject({ code: 2, text: expect.stringContaining(word) as string })
      }
      expect(await servers('start')).toMatchObject({ code: 2 })
    })
  },
)
