import { service, type Service } from 'waybill'
import { notifications } from '../../contracts/notifications.ts'
import { orders } from '../../contracts/orders.ts'
import { shipping } from '../../contracts/shipping.ts'

/** Tells the customer how the order ended. */
export const notificationService: Service = service('notifications')
  .on(shipping.shipped, async ({ id, customer, parcel }, ctx) => {
    await ctx.publish(notifications.told, { id, customer, text: `on its way: ${parcel}` })
  })
  .on(orders.refused, async ({ id, reason }, ctx) => {
    await ctx.publish(notifications.told, { id, customer: '', text: `we are sorry: ${reason}` })
  })
