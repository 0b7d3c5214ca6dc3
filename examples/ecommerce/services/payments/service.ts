import { service, type Service } from 'waybill'
import { inventory } from '../../contracts/inventory.ts'
import { payments } from '../../contracts/payments.ts'
import { charge, CardDeclined } from './card-network.ts'

/** Charges the card of each reserved order. A declined card is an answer, not a failure. */
export const paymentService: Service = service('payments').on(inventory.reserved, async (order, ctx) => {
  try {
    await charge(order.card, order.amount)
  } catch (error) {
    if (!(error instanceof CardDeclined)) throw error
    await ctx.publish(payments.declined, { id: order.id, reason: error.message })
    return
  }
  await ctx.publish(payments.charged, order)
})
