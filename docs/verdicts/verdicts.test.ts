import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ledger, till } from './payments.ts'
import { promisesOf } from './promises.ts'

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

test.each(['payments', 'with-store'])('explain prints what the page shows of %s', (module) => {
  const main = here('../../packages/waybill/src/cli/main.ts')
  const args = ['--conditions=@waybill/source', main, 'explain', here(`${module}.ts`), '--assume', 'rabbitmq']
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe(readFileSync(here(`${module}.txt`), 'utf8'))
})

test('a bus says the same of itself', async () => {
  const { lines, lost } = await promisesOf([till, ledger])
  expect(lines.map((line) => line.split(':')[0])).toEqual([
    'payments.charge → till',
    'payments.charged → ledger',
    'send, request payments.charge',
    'publish payments.charged',
  ])
  expect(lost).toEqual(['payments.charge', 'payments.charged'])
})
