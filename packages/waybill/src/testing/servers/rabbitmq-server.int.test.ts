import { connect as connectAmqp } from 'amqplib'
import { expect, test } from 'vitest'
import { describeOwnRabbitmq } from './describe-own-rabbitmq.test-support.ts'
import { RabbitmqServer } from './rabbitmq-server.ts'

/** What RabbitMQ 3.10.8 declared so shortly before it is killed may not be there afterwards (docs/guarantees.md). */
const DECLARATIONS_SETTLE_MS = 2_000

describeOwnRabbitmq('RabbitmqServer', () => {
  test('keeps confirmed messages through kill() and restart()', { timeout: 180_000 }, async () => {
    await using server = await RabbitmqServer.start()
    const before = await connectAmqp(server.url)
    const lost = new Promise((resolve) => before.on('close', resolve))
    before.on('error', () => undefined)
    const channel = await before.createConfirmChannel()
    await channel.assertQueue('kept')
    await new Promise((resolve) => setTimeout(resolve, DECLARATIONS_SETTLE_MS))
    channel.sendToQueue('kept', Buffer.from('still here'), { persistent: true })
    await channel.waitForConfirms()
    await server.kill()
    await lost
    await expect(connectAmqp(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.restart()
    const after = await connectAmqp(server.url)
    const reader = await after.createChannel()
    const message = await reader.get('kept', { noAck: true })
    expect(message === false ? undefined : message.content.toString()).toBe('still here')
    await after.close()
  })

  test('start() answers for its management API', { timeout: 180_000 }, async () => {
    await using server = await RabbitmqServer.start({ management: true })
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`
    const answer = await fetch(`${server.managementUrl}/api/overview`, { headers: { authorization } })
    expect(await answer.json()).toMatchObject({ listeners: [{ protocol: 'amqp', port: server.port }, {}, {}] })
  })
})
