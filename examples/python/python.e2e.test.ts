import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findPython } from './find-python.test-support.ts'
import { Program } from './program.test-support.ts'

const WAYBILL = fileURLToPath(new URL('../../packages/waybill/src/cli/main.ts', import.meta.url))
/** Found or started by the set-up of the test run. */
const RABBITMQ_URL = process.env['WAYBILL_TEST_RABBITMQ_URL']

const found = findPython()

const stops: (() => Promise<void>)[] = []
afterAll(async () => void (await Promise.all(stops.map((stop) => stop()))))

const noRabbitmq = RABBITMQ_URL === undefined ? 'no RabbitMQ: npm run servers -- up' : undefined
for (const { broker, start, missing = '' } of [
  { broker: 'waybill broker', start: startWaybill, missing: found.why },
  { broker: 'RabbitMQ', start: () => Promise.resolve(RABBITMQ_URL ?? ''), missing: found.why ?? noRabbitmq },
])
  describe(`Python and TypeScript on ${broker}`, missing === '' ? {} : { skip: true, meta: { missing } }, () => {
    let url = ''
    const run = (command: string, args: readonly string[]): Program =>
      new Program(command, args, {
        ...process.env,
        WAYBILL_URL: url,
        PYTHONUNBUFFERED: '1',
        PYTHONDONTWRITEBYTECODE: '1',
      })
    const python = (...args: string[]): Program => run(found.python ?? '', args)
    const node = (file: string): Program => run(process.execPath, ['--conditions=@waybill/source', file])

    beforeAll(async () => void (url = await start()))
    beforeEach(() => clean(url))
    afterAll(() => clean(url))

    test('Python first: an order waits for the shop, and the ledger hears of it', async () => {
      const produce = python('produce.py', 'order-1', 'book', '1999')
      expect(await produce.ends(), produce.output).toBe(0)
      await using ledger = python('consume.py')
      await ledger.says('ledger: listening')
      await using shop = node('shop.ts')
      await shop.says('order order-1: book')
      await ledger.says('ledger: order-1 book 19.99')
    })

    test('TypeScript first: Python finds what the shop has declared', async () => {
      await using shop = node('shop.ts')
      await shop.says('shop: open')
      await using ledger = python('consume.py')
      await ledger.says('ledger: listening')
      const produce = python('produce.py', 'order-2', 'pen', '250')
      expect(await produce.ends(), produce.output).toBe(0)
      await ledger.says('ledger: order-2 pen 2.50')
    })

    test('bare JSON from a queue of its own becomes an order', async () => {
      const till = python('till.py', 'receipt-1', 'ink', '4.20')
      expect(await till.ends(), till.output).toBe(0)
      await using shop = node('shop.ts')
      await using adapter = node('till.ts')
      await adapter.says('till: connected')
      await shop.says('order receipt-1: ink')
    })

    test('unequal declarations are an error, whoever comes second', async () => {
      const otherwise = ['-c', 'from order import *; connect().channel().queue_declare(PLACE, durable=True)']
      const early = python(...otherwise)
      expect(await early.ends(), early.output).toBe(0)
      const refused = node('shop.ts')
      expect(await refused.ends()).not.toBe(0)
      expect(refused.output).toContain('WAYBILL_TOPOLOGY_CONFLICT')

      await clean(url)
      await using shop = node('shop.ts')
      await shop.says('shop: open')
      const late = python(...otherwise)
      expect(await late.ends()).not.toBe(0)
      expect(late.output).toContain('PRECONDITION_FAILED')
    })
  })

async function startWaybill(): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), 'waybill-python-'))
  const broker = new Program(process.execPath, [WAYBILL, 'broker', '--port', '0', '--data', data], process.env)
  stops.push(async () => {
    await broker[Symbol.asyncDispose]()
    rmSync(data, { recursive: true, force: true })
  })
  await broker.says('listening amqp://')
  const [address = ''] = /127\.0\.0\.1:\d+/.exec(broker.output) ?? []
  return `amqp://guest:guest@${address}`
}

async function clean(url: string): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  for (const queue of ['shop.place', 'shop.place:counter:dead', 'shop:ledger', 'till.sales', 'tills.sold:till:dead'])
    await channel.deleteQueue(queue)
  for (const exchange of ['shop', 'shop:layout', 'shop.place:owner', 'shop.place:layout'])
    await channel.deleteExchange(exchange)
  await connection.close()
}
