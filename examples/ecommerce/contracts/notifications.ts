import { contract, event } from 'waybill'
import { z } from 'zod'

export const notifications = contract('notifications', {
  told: event(z.object({ id: z.string(), customer: z.string(), text: z.string() }), { key: (told) => told.id }),
})
