import { contract, event } from 'waybill'
import { z } from 'zod'
import { order } from './orders.ts'

export const payments = contract('payments', {
  charged: event(order, { key: (charged) => charged.id }),
  declined: event(z.object({ id: z.string(), reason: z.string() }), { key: (declined) => declined.id }),
})
