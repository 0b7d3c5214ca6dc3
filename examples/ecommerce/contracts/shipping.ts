import { contract, event, query } from 'waybill'
import { z } from 'zod'

export const shipping = contract('shipping', {
  shipped: event(z.object({ id: z.string(), customer: z.string(), parcel: z.string() }), {
    key: (shipped) => shipped.id,
  }),
  quote: query(z.object({ sku: z.string(), quantity: z.number().int() }), z.object({ cents: z.number().int() })),
})
