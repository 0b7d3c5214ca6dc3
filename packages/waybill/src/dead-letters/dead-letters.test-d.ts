// What must compile, and what must not. Checked by tsc alone: nothing here runs.
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { command, contract, event } from '../contract/contract.ts'

declare const bus: Bus
const shop = contract('shop', {
  paid: event(z.object({ at: z.coerce.date() })),
  pay: command(z.object({ cents: z.number() })),
  tick: event(z.object({ price: z.number() }), { stored: false }),
})

export async function right(): Promise<void> {
  const dead = bus.deadLetters('till', shop.paid)
  const { letters, after } = await dead.list({
    limit: 10,
    where: { reason: 'failed', match: async (one) => (await one.body()).at < new Date() },
  })
  for (const letter of letters) (await letter.body()).at.getTime()
  after satisfies string | undefined
  await dead.redrive({ type: ['a', 'b'] }, { rate: 10, edit: (letter) => ({ body: { at: letter.time } }) })
  const { done } = await bus.deadLetters('till', shop.pay, { ordered: true }).purge({ confirm: 'till' })
  done satisfies number
}

export async function wrong(): Promise<void> {
  const dead = bus.deadLetters('till', shop.pay)
  // @ts-expect-error an event that is not stored has no dead letters
  bus.deadLetters('till', shop.tick)
  // @ts-expect-error there is no such condition
  await dead.remove({ typ: 'shop.pay' })
  // @ts-expect-error nor such a reason
  await dead.remove({ reason: 'bored' })
  // @ts-expect-error everything is not removed by the way
  await dead.remove()
  // @ts-expect-error it is to be confirmed
  await dead.purge({})
  // @ts-expect-error the body is not of the contract
  await dead.edit('1', { body: { cents: 'ten' } })
  // @ts-expect-error the id is not to be changed
  await dead.edit('1', { id: '2' })
}
