import { createBus, nats, silentLogger, type Bus } from 'waybill'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOwnNats } from '../../packages/waybill/src/testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../packages/waybill/src/testing/servers/nats-server.ts'
import { follow, ledger, type Balances } from './balances.ts'

describeOwnNats('the reader in docs/history.md', () => {
  let server: NatsServer
  let bus: Bus
  beforeAll(async () => {
    server = await NatsServer.start()
    bus = await createBus({ transport: nats({ servers: server.url }), logger: silentLogger, drainOn: [] })
  })
  afterAll(async () => {
    await bus.drain()
    await server.stop()
  })

  /** Follows until the balances are as wanted, or the test is out of patience. */
  async function followUntil(known: Balances, wanted: Record<string, number>): Promise<number> {
    const enough = new AbortController()
    let count = 0
    const following = follow(bus, known, enough.signal, ({ cents }) => {
      count++
      if (Object.entries(wanted).every(([account, sum]) => cents.get(account) === sum)) enough.abort()
    })
    await expect(following).rejects.toMatchObject({ code: 'WAYBILL_ABORTED' })
    return count
  }

  test('reads everything, and later what came since', async () => {
    for (let n = 1; n <= 10; n++) await bus.publish(ledger.booked, { account: n % 2 === 0 ? 'even' : 'odd', cents: n })
    const known: Balances = { cents: new Map(), positions: {} }
    expect(await followUntil(known, { even: 30, odd: 25 })).toBe(10)
    await bus.publish(ledger.booked, { account: 'odd', cents: 11 })
    expect(await followUntil(known, { even: 30, odd: 36 })).toBe(1)
    const anew: Balances = { cents: new Map(), positions: {} }
    expect(await followUntil(anew, { even: 30, odd: 36 })).toBe(11)
  })
})
