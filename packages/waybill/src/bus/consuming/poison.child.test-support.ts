// A service with a message that ends its process, for the test of poison: `child <transport> <channel> <messages>` sends so
// many, or handles them where there is no number.
import { subscribe } from 'node:diagnostics_channel'
import { contract, document, type } from '../../contract/contract.ts'
import { embedded } from '../../transports/embedded/embedded.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import { createBus } from '../create-bus.ts'
import { DIAGNOSTIC_CHANNELS, type HandleEnded } from '../observation/diagnostics.ts'
import { service } from '../service/service.ts'

const [, , where = '', name = '', count] = process.argv
const work = contract(name, { page: document(type<{ n: number }>()) })
const worker = service('worker').on(work.page, async ({ n }) => {
  await new Promise((resolve) => void setTimeout(resolve, 20))
  if (n === 7) process.kill(process.pid, 'SIGKILL')
  await new Promise((resolve) => void setTimeout(resolve, 20))
  console.log(`handled ${n}`)
})
subscribe(DIAGNOSTIC_CHANNELS.handleEnd, (ended) => {
  const { action, error, message } = ended as HandleEnded // that channel's shape
  if (action === 'reject')
    console.log(`dead ${new TextDecoder().decode(message.body)} ${error?.message.split('\n')[0]}`)
})
const bus = await createBus({
  transport: where.startsWith('amqp') ? rabbitmq({ url: where }) : embedded({ dir: where }),
  ...(count === undefined ? { services: [worker] } : { declare: [work.page] }),
  maxDeliveries: 12,
  logger: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error },
})
if (count !== undefined) {
  for (let n = 0; n < Number(count); n++) await bus.send(work.page, { n })
  await bus.drain()
}
