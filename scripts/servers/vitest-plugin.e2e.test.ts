import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { describeNeeding } from '../../packages/waybill/src/testing/needing.test-support.ts'
import { RedisServer } from '../../packages/waybill/src/testing/servers/redis-server.ts'

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const CONFIG = fileURLToPath(new URL('fixture/vitest.config.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'waybill-servers-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs Vitest on files of the fixture; resolves with what it prints and its exit code. */
function run(
  words: readonly string[],
  more: NodeJS.ProcessEnv,
): Promise<{ readonly text: string; readonly code: number }> {
  const env = { ...process.env, CI: undefined, NO_COLOR: '1', WAYBILL_SERVERS_DIR: folder, ...more }
  return new Promise((resolve) => {
    execFile(process.execPath, [VITEST, 'run', '--config', CONFIG, ...words], { env }, (error, out, err) =>
      resolve({ text: out + err, code: Number(error?.code ?? 0) }),
    )
  })
}

test('what is skipped is named with what is missing, and fails with CI=true alone, whatever the reporter', async () => {
  const summary =
    'SKIPPED, for what is missing here:\n' +
    '  a broker of stone\n       2  skipped.fixture.ts\n' +
    '  a broker of glass\n       1  skipped.fixture.ts\n'
  const here = await run(['skipped'], {})
  expect(here).toEqual({ text: expect.stringContaining(summary) as string, code: 0 })
  const inCi = await run(['skipped', '--reporter=dot'], { CI: 'true' })
  expect(inCi).toEqual({ text: expect.stringContaining(summary) as string, code: 1 })
  expect(inCi.text).toContain('With CI=true nothing is skipped.')
})

test('with CI=true a test is not skipped without a reason, unless it was not asked for', async () => {
  expect((await run(['bare'], {})).code).toBe(0)
  const inCi = await run(['bare'], { CI: 'true' })
  expect(inCi).toEqual({ text: expect.stringContaining('no reason is given') as string, code: 1 })
  expect((await run(['bare', '-t', 'something else'], { CI: 'true' })).code).toBe(0)
})

test('a server that is named and does not answer ends the run; one that nobody needs is not asked', async () => {
  const { text, code } = await run(['served'], { REDIS_URL: 'redis://127.0.0.1:1' })
  expect(text).toContain('REDIS_URL is set, but what it names does not answer as it should')
  expect(code).toBe(1)
  expect((await run(['bare'], { REDIS_URL: 'redis://127.0.0.1:1' })).code).toBe(0)
})

describeNeeding(RedisServer.findProgram() === undefined ? 'redis-server is not installed' : undefined)('a run', () => {
  test('has the server that is named, and no other', async () => {
    await using server = await RedisServer.start()
    const { text, code } = await run(['served'], { REDIS_URL: server.url, WAYBILL_TEST_NATS_URL: 'nats://127.0.0.1:1' })
    expect(text).toContain(`redis at ${server.url}`)
    expect(code).toBe(0)
  })
})
