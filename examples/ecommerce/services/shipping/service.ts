import { service, type Service } from 'waybill'
import { payments } from '../../contracts/payments.ts'
import { shipping } from '../../contracts/shipping.ts'
import { bookParcel } from './carrier.ts'

/** Books a parcel for each paid order. The carrier is flaky, so failures are tried again with growing delays. */
export const shippingService: Service = service('shipping')
  .on(
    payments.charged,
    async (order, ctx) => {
      const parcel = await bookParcel(order.id, order.sku, ctx.attempt)
      await ctx.publish(shipping.shipped, { id: order.id, customer: order.customer, parcel })
    },
    { concurrency: 16, retry: { attempts: 4, immediate: 1, base: '200ms', max: '2s' } },
  )
  .answer(shipping.quote, ({ sku, quantity }) => ({ cents: 490 + sku.length * quantity }))
