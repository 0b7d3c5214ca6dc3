// The same load through amqplib: what an ordinary client gets out of a broker.
import { connect } from 'amqplib'
import { acknowledgedPerRead } from './rabbitmq-raw.ts'

export interface AmqplibResult {
  readonly perSecond: number
  /** Of one core, by this process: at 1 the client is the limit. */
  readonly clientCpu: number
}

/** Publishes and consumes for so long, with at most `window` unconfirmed and unacknowledged. */
export async function amqplibLoad(port: number, seconds: number, window: number): Promise<AmqplibResult> {
  const model = await connect(`amqp://guest:guest@127.0.0.1:${port}`, { noDelay: true })
  const queue = `waybill-load-${process.pid}`
  const publishing = await model.createConfirmChannel()
  const consuming = await model.createChannel()
  await publishing.assertQueue(queue)
  await consuming.prefetch(window)
  let received = 0
  await consuming.consume(
    queue,
    acknowledgedPerRead(consuming, () => received++),
  )
  const body = Buffer.alloc(100, 'x')
  let running = true
  const next = (): void => {
    if (running) publishing.sendToQueue(queue, body, { persistent: true }, next)
  }
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let n = 0; n < window; n++) next()
  await new Promise<void>((resolve) => setTimeout(resolve, seconds * 1_000))
  const elapsed = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const result = { perSecond: received / elapsed, clientCpu: (user + system) / 1e6 / elapsed }
  running = false
  await publishing.waitForConfirms()
  await consuming.close()
  await publishing.deleteQueue(queue)
  await model.close()
  return result
}
