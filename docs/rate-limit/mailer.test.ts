import { expect, test } from 'vitest'
import { testBus } from 'waybill/testing'
import { accounts, mailer } from './mailer.ts'

test('mails go at their rate, for each tenant, while the archive hangs', async () => {
  const sent: { readonly to: string; readonly at: number }[] = []
  let hanging = 0
  const send = (to: string): Promise<void> => {
    sent.push({ to, at: bus.runtime.monotonic() })
    return Promise.resolve()
  }
  const archive = (): Promise<void> => {
    hanging++
    return new Promise(() => {})
  }
  const bus = await testBus({ services: [mailer(send, archive)] })
  for (let n = 0; n < 60; n++) {
    await bus.publish(accounts.closed, { email: `c${n}`, tenant: 'a' })
    await bus.publish(accounts.opened, { email: `a${n}`, tenant: 'a' })
  }
  await bus.publish(accounts.opened, { email: 'b', tenant: 'b' })
  await bus.runtime.advance(60_000)
  expect([sent.length, hanging]).toEqual([61, 4])
  const ofA = sent.filter(({ to }) => to !== 'b').map(({ at }) => at)
  for (const at of ofA) expect(ofA.filter((each) => each >= at && each < at + 100).length).toBeLessThanOrEqual(30)
  void bus.drain(0)
})
