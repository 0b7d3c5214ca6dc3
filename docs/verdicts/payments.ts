import { command, contract, event, service } from 'waybill'
import { z } from 'zod'

const charge = z.object({ order: z.string(), cents: z.number().int() })

export const payments = contract(
  'payments',
  { shards: 8 },
  { charge: command(charge), charged: event(charge, { key: ({ order }) => order }) },
)
export const till = service('till').on(
  payments.charge,
  async (body, ctx) => {
    await ctx.publish(payments.charged, body)
  },
  { timeout: '1m', retry: { attempts: 6, base: '1m', max: '3m' } },
)
export const ledger = service('ledger').on(payments.charged, () => {}, { ordered: true })
