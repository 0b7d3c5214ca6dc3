// A service whose handler takes a while, for the test of SIGTERM.
import { embedded } from '../../transports/embedded/embedded.ts'
import { contract, event, type } from '../../contract/contract.ts'
import { createBus } from '../create-bus.ts'
import { service } from '../service/service.ts'

const work = contract('work', { arrived: event(type<{ n: number }>()) })
const worker = service('worker').on(
  work.arrived,
  async ({ n }) => {
    console.log(`begin ${n}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
    console.log(`end ${n}`)
  },
  { concurrency: 1 },
)
const bus = await createBus({
  transport: embedded({ dir: process.argv[2] ?? '', inProcess: true }),
  services: [worker],
})
if (process.argv[3] === 'publish') for (const n of [1, 2]) await bus.publish(work.arrived, { n })
