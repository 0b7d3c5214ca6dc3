// A member of an ordered group, whose handler writes to a store that refuses smaller fencing tokens: its parent.
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { service } from '../../bus/service/service.ts'
import { bookings, GROUP, type Write } from './fencing.test-support.ts'
import { rabbitmq } from './rabbitmq.ts'

/** Longer than a signal takes to arrive: who is stopped when it says that it has begun is stopped in the midst of it. */
const WORK_MS = 150

const [, , url = '', name = ''] = process.argv
const answers = new Map<number, (taken: boolean) => void>()
let asked = 0

process.on('message', ({ id, taken }: { readonly id: number; readonly taken: boolean }) => {
  answers.get(id)?.(taken)
  answers.delete(id)
})

function write(entry: Omit<Write, 'id'>): Promise<boolean> {
  const id = ++asked
  return new Promise((resolve) => {
    answers.set(id, resolve)
    process.send?.({ id, ...entry })
  })
}

const ledger = service(GROUP).on(
  bookings(name).booked,
  async ({ account, n }, ctx) => {
    process.send?.('begun')
    await new Promise<void>((resolve) => void setTimeout(resolve, WORK_MS))
    if (!(await write({ account, n, fencing: ctx.fencing }))) throw new Error('another member has written')
  },
  { ordered: true, concurrency: 16, retry: { attempts: 50, base: '50ms', max: '50ms' } },
)
await createBus({ transport: rabbitmq({ url, heartbeatSeconds: 1 }), services: [ledger], logger: silentLogger })
process.send?.('ready')
