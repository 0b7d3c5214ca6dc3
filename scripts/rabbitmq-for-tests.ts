// Finds the RabbitMQ that integration tests use, once for the whole run: RABBITMQ_URL, else the one on the standard port,
// else one started from the installed program, else none: then those tests are skipped by name, and with CI=true the run
// fails instead.
import { connect } from 'amqplib'
import { RabbitmqServer } from '../packages/waybill/src/testing/servers/rabbitmq-server.ts'

const STANDARD = 'amqp://guest:guest@127.0.0.1:5672'

export default async function setup(): Promise<(() => Promise<void>) | void> {
  const named = process.env['RABBITMQ_URL']
  for (const url of named === undefined ? [STANDARD] : [named]) {
    if (await answers(url)) {
      process.env['WAYBILL_TEST_RABBITMQ_URL'] = url
      return
    }
  }
  if (named !== undefined) throw new Error(`RABBITMQ_URL is set, but no broker answers there`)
  if (RabbitmqServer.findProgram() !== undefined) {
    const server = await RabbitmqServer.start()
    process.env['WAYBILL_TEST_RABBITMQ_URL'] = server.url
    return () => server.stop()
  }
  const none = 'no RabbitMQ: set RABBITMQ_URL or install rabbitmq-server'
  if (process.env['CI'] === 'true') throw new Error(none)
  console.warn(`\nSKIPPED: every test that needs RabbitMQ (${none})\n`)
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await connect(url, { timeout: 3_000 })).close()
    return true
  } catch {
    return false // whatever is there is not the broker we look for
  }
}
