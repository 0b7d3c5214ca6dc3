import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { sqliteStore } from 'waybill/stores'
import { testBus } from 'waybill/testing'
import { expect, test } from 'vitest'
import { checkout } from './checkout.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const MAIN = here('../../packages/waybill/src/cli/main.ts')

test('waybill outbox prints what the page shows', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-docs-'))
  const env = { ...process.env, WAYBILL_STORE_URL: `sqlite:${join(folder, 'shop.db')}`, NODE_NO_WARNINGS: '1' }
  const database = new DatabaseSync(join(folder, 'shop.db'))
  database.exec('create table orders (id text)')
  const store = sqliteStore(database)
  {
    await using bus = await testBus({ store }) // no service has ever claimed payments.charge
    for (const order of ['order-1', 'order-2']) await checkout(bus, store, order)
    await bus.advance('10m')
    expect((await bus.health()).outboxes).toMatchObject([{ parked: 2 }])
  }
  database.close()
  const shown = readFileSync(here('parked.txt'), 'utf8')
  let printed = ''
  for (const [line, command = ''] of shown.matchAll(/^\$ waybill (.*)\n/gm)) {
    const args = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
    printed +=
      line +
      execFileSync(process.execPath, ['--conditions=@waybill/source', MAIN, ...args], { env, encoding: 'utf8' }) +
      '\n'
  }
  rmSync(folder, { recursive: true })
  // Ids are made anew by each version.
  const [ours, theirs] = [printed, shown].map((text) =>
    text.trimEnd().replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID'),
  )
  expect(ours).toBe(theirs)
})
