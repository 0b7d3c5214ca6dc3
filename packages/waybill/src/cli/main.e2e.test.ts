// A folder that the disk has changed: the error names a command, and the command does what the error says.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { flipABit } from '../broker/store/flip-a-bit.test-support.ts'
import { createBus } from '../bus/create-bus.ts'
import { silentLogger } from '../bus/observation/logger.ts'
import { service } from '../bus/service/service.ts'
import { contract, document, type } from '../contract/contract.ts'
import { embedded } from '../transports/embedded/embedded.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'waybill-cli-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const work = contract('work', { job: document(type<{ n: number; padding: string }>()) })
const quiet = { logger: silentLogger, drainOn: [] } as const

function waybill(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr })
    })
  })
}

test(
  'broker inspect and repair: a flipped bit is refused at the start, shown, and repaired',
  { timeout: 60_000 },
  async () => {
    const dir = join(home, 'data')
    const bus = await createBus({ ...quiet, transport: embedded({ dir, inProcess: true }), declare: [work.job] })
    for (let n = 0; n < 40; n++) await bus.send(work.job, { n, padding: 'x'.repeat(300) }) // each a batch of its own
    await bus.drain()
    expect(await waybill('broker', 'inspect', '--data', dir)).toMatchObject({
      code: 0,
      output: expect.stringContaining('40 messages') as string,
    })

    flipABit(dir)
    const starting = createBus({ ...quiet, transport: embedded({ dir, inProcess: true }) })
    await expect(starting).rejects.toMatchObject({
      code: 'WAYBILL_STORE_DAMAGED',
      message: expect.stringContaining(`npx waybill broker repair --data ${dir}`) as string,
    })
    expect(await waybill('broker', 'inspect', '--data', dir)).toMatchObject({
      code: 1,
      output: expect.stringContaining('DAMAGE') as string,
    })
    expect(await waybill('broker', 'repair', '--data', dir)).toMatchObject({
      code: 0,
      output: expect.stringContaining('repaired') as string,
    })

    const seen = new Set<number>()
    const worker = service('worker').on(work.job, ({ n }) => void seen.add(n))
    await using repaired = await createBus({
      ...quiet,
      transport: embedded({ dir, inProcess: true }),
      services: [worker],
    })
    await expect.poll(() => seen.size, { timeout: 10_000 }).toBeGreaterThanOrEqual(38)
    expect(repaired.subscriptions[0]?.state).toBe('consuming')
  },
)

test('broker inspect: a missing folder, and one that is open, are one clear error', { timeout: 30_000 }, async () => {
  const missing = await waybill('broker', 'inspect', '--data', join(home, 'nowhere'))
  expect(missing).toMatchObject({ code: 2, output: expect.stringContaining('WAYBILL_NOT_FOUND') as string })
  const dir = join(home, 'open')
  await using bus = await createBus({ ...quiet, transport: embedded({ dir, inProcess: true }) })
  expect(bus.facts.engine).toBe('embedded')
  const open = await waybill('broker', 'repair', '--data', dir)
  expect(open).toMatchObject({ code: 2, output: expect.stringContaining('WAYBILL_STORE_IN_USE') as string })
})
