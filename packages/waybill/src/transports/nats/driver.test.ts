import { expect, test } from 'vitest'
import { loadDriver } from './driver.ts'

test('loadDriver() loads the official clients', async () => {
  const { nats, jetstream, kv } = await loadDriver()
  expect([nats.connect, jetstream.jetstreamManager, kv.Kvm].map((each) => typeof each)).toEqual(
    Array(3).fill('function'),
  )
})

test('loadDriver() names the command that installs a missing driver', async () => {
  const missing = Object.assign(new Error("Cannot find package '@nats-io/kv'"), { code: 'ERR_MODULE_NOT_FOUND' })
  await expect(loadDriver(() => Promise.reject(missing))).rejects.toMatchObject({
    code: 'WAYBILL_DRIVER_MISSING',
    cure: 'npm i @nats-io/transport-node @nats-io/jetstream @nats-io/kv',
  })
})

test('loadDriver() hands on the error of a driver that is there and broken', async () => {
  const broken = new Error('Unexpected token')
  await expect(loadDriver(() => Promise.reject(broken))).rejects.toBe(broken)
})
