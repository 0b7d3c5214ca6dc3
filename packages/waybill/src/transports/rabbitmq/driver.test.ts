import { expect, test } from 'vitest'
import { loadDriver } from './driver.ts'

test('loadDriver() loads amqplib', async () => {
  expect(typeof (await loadDriver()).connect).toBe('function')
})

test('loadDriver() names the command that installs a missing driver', async () => {
  const load = (): Promise<unknown> =>
    Promise.reject(Object.assign(new Error("Cannot find package 'amqplib'"), { code: 'ERR_MODULE_NOT_FOUND' }))
  await expect(loadDriver(load)).rejects.toMatchObject({ code: 'WAYBILL_DRIVER_MISSING', cure: 'npm i amqplib' })
})

test('loadDriver() hands on the error of a driver that is there and broken', async () => {
  const broken = new Error('Unexpected token')
  await expect(loadDriver(() => Promise.reject(broken))).rejects.toBe(broken)
})
