import { command, contract, isWaybillError, type, type Bus } from 'waybill'
import type { Order } from '../contracts/orders.ts'
import { orders } from '../contracts/orders.ts'
import type { Ledger } from './ledger.ts'

const PER_SECOND = 100

/** An old client that does not validate what it sends: the same command, without its schema. */
const carelessOrders = contract('orders', { place: command(type<unknown>()) })

/** Places an order every few milliseconds until stopped: good ones, and some of each sort of trouble. */
export async function placeOrders(bus: Bus, ledger: Ledger, prefix: string, stop: AbortSignal): Promise<void> {
  for (let number = 0; !stop.aborted; number++) {
    const order = orderOf(prefix, number)
    const careless = number % 97 === 13
    ledger.write({ fact: 'attempted', order: order.id, at: Date.now() })
    const sent = careless
      ? bus.send(carelessOrders.place, { ...order, quantity: 'a few' }, { id: order.id })
      : bus.send(orders.place, order, { id: order.id })
    sent.then(
      () => ledger.write({ fact: 'confirmed', order: order.id, at: Date.now() }),
      (error: unknown) => {
        if (!isWaybillError(error)) throw error // outcome unknown stays unknown in the books
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 1000 / PER_SECOND))
  }
}

function orderOf(prefix: string, number: number): Order {
  const sku = number % 23 === 7 ? 'unicorn' : number % 61 === 19 ? 'anvil' : 'book'
  return {
    id: `order-${prefix}-${number}`,
    customer: `customer-${number % 100}`,
    sku,
    quantity: 1 + (number % 3),
    amount: 1_000 + number,
    card: number % 17 === 3 ? '4000000000000002' : '4242424242424242',
  }
}
