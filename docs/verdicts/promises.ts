import { createBus, embedded, type Service } from 'waybill'
import { payments } from './payments.ts'

/** A line for each handler and each message that is sent. */
export async function promisesOf(services: readonly Service[]) {
  await using bus = await createBus({ services, transport: embedded({ memory: true }), drainOn: [] })
  const { routes, sends } = await bus.explain([payments.charge]) // what is sent beside what is handled here
  const lost = routes.filter(({ loss }) => loss.window !== 'none').map(({ message }) => message)
  return { lines: [...routes, ...sends].map(({ statement }) => statement), lost }
}
