// What the commands say to Docker Compose, where the program is not installed. `docker` is one of ours here, which starts the
// real server where Compose would.
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeNeeding } from '../../packages/waybill/src/testing/needing.test-support.ts'
import { RedisServer } from '../../packages/waybill/src/testing/servers/redis-server.ts'
import { redisVersion } from './versions.ts'

const PROGRAM = fileURLToPath(new URL('../servers.ts', import.meta.url))
const redis = RedisServer.findProgram()
const folder = mkdtempSync(join(tmpdir(), 'waybill-compose-test-'))

function servers(...words: readonly string[]): Promise<string> {
  // Nothing else is on the path, and so nothing is installed.
  const env = { PATH: folder, WAYBILL_SERVERS_DIR: folder, REDIS_URL: 'redis://127.0.0.1:1' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@waybill/source', PROGRAM, ...words], { env }, (_error, out, err) =>
      resolve(out + err),
    )
  })
}

const DOCKER = `#!${process.execPath}
const { execFileSync } = require('node:child_process')
const { appendFileSync, readFileSync } = require('node:fs')
const args = process.argv.slice(2)
appendFileSync('${folder}/said', args.join(' ') + '\\n')
const pid = '${folder}/pid'
const server = ['--port', process.env.REDIS_PORT, '--bind', '127.0.0.1', '--daemonize', 'yes', '--pidfile', pid, '--save', '']
if (args.includes('up')) execFileSync('${redis ?? ''}', server, { cwd: '${folder}', stdio: 'ignore' })
if (args.includes('down')) process.kill(Number(readFileSync(pid, 'utf8')))
`

describeNeeding(redis === undefined ? 'redis-server is not installed' : undefined)('without the program', () => {
  beforeAll(() => {
    writeFileSync(join(folder, 'docker'), DOCKER)
    chmodSync(join(folder, 'docker'), 0o755)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('a server runs by Docker Compose, in a project of its own, and goes with its data', async () => {
    const up = await servers('up', 'redis')
    const [, project = '', url = ''] = /^# redis [0-9.]+ project (\S+)\nexport REDIS_URL='(.*)'\n$/.exec(up) ?? []
    expect(project).toMatch(/^waybill-[0-9a-f]{12}-redis$/)
    expect(await redisVersion(url)).toMatch(/^\d/)
    expect(await servers('status', 'redis')).toBe(up)
    expect(await servers('up', 'redis')).toBe(up)
    expect(await servers('down', 'redis')).toBe('# redis: ended\n')
    await expect.poll(() => redisVersion(url).catch(() => 'gone'), { timeout: 10_000 }).toBe('gone')
    const file = fileURLToPath(new URL('../../compose.yaml', import.meta.url))
    expect(readFileSync(join(folder, 'said'), 'utf8').split('\n')).toEqual([
      'compose ls',
      `compose -f ${file} -p ${project} --profile redis up --detach --wait`,
      `compose -f ${file} -p ${project} --profile * down --volumes`,
      '',
    ])
  })

  test('without Docker Compose either, it says what is not installed', async () => {
    rmSync(join(folder, 'docker'))
    expect(await servers('up', 'redis')).toBe(
      '# redis: redis-server is not installed, nor is there Docker Compose with an engine\n',
    )
  })
})
