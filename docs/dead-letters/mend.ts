import { contract, event, type Bus } from 'waybill'
import { z } from 'zod'

const payment = z.object({ id: z.string(), currency: z.string(), cents: z.number().int() })
export const payments = contract('payments', { charged: event(payment) })

/** What has died in the group `till` and is not put aside: why, and how often it was tried. */
export async function report(bus: Bus): Promise<readonly string[]> {
  const { letters } = await bus.deadLetters('till', payments.charged).list({ where: { parked: false } })
  return letters.map(({ id, reason, detail, attempt }) => `${id}: ${reason} (attempt ${attempt}): ${detail}`)
}

/** Mends what was sent with its currency in small letters, and hands it to the group again: ten a second, in its order. */
export async function mend(bus: Bus, signal: AbortSignal): Promise<number> {
  const dead = bus.deadLetters('till', payments.charged)
  const { done } = await dead.redrive(
    { type: 'payments.charged', text: 'unknown currency' },
    {
      rate: 10,
      signal,
      by: 'ada',
      note: 'currency in small letters, see #4711',
      edit: async (letter) => {
        const body = await letter.body() // by the contract, lifted from older versions
        return { body: { ...body, currency: body.currency.toUpperCase() } }
      },
    },
  )
  return done
}
