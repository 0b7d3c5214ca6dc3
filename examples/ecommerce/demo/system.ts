// One process of the demo: runs the roles named on its command line until it is told to end.
//   node demo/system.ts <ledger folder> <order prefix> <role> [<role> …]
import { subscribe } from 'node:diagnostics_channel'
import { createBus, DIAGNOSTIC_CHANNELS, silentLogger, type HandleEnded, type Service } from 'waybill'
import { inventoryService } from '../services/inventory/service.ts'
import { notificationService } from '../services/notifications/service.ts'
import { orderService } from '../services/orders/service.ts'
import { paymentService } from '../services/payments/service.ts'
import { shippingService } from '../services/shipping/service.ts'
import { Ledger, type Step } from './ledger.ts'
import { orders } from '../contracts/orders.ts'
import { placeOrders } from './shop.ts'

const SERVICES: Readonly<Record<string, Service>> = {
  orders: orderService,
  inventory: inventoryService,
  payments: paymentService,
  shipping: shippingService,
  notifications: notificationService,
}

/** The step of an order that is done when a service has handled a message of this type. */
const STEPS: Readonly<Record<string, Step>> = {
  'orders.place': 'placed',
  'orders.placed': 'reserved',
  'inventory.reserved': 'paid',
  'payments.charged': 'shipped',
  'inventory.soldOut': 'refused',
  'payments.declined': 'refused',
  'shipping.shipped': 'told',
  'orders.refused': 'told',
}

const [folder = '', orderPrefix = '', ...roles] = process.argv.slice(2)
const ledger = new Ledger(folder, `${roles.join('+')}-${process.pid}`)

subscribe(DIAGNOSTIC_CHANNELS.handleEnd, (message) => {
  const {
    message: { type, body, headers },
    group,
    channel,
    action,
    error,
  } = message as HandleEnded // that channel's shape
  const order = orderOf(body) ?? headers['order'] ?? '?'
  const step = STEPS[type]
  if (action === 'ack' && step !== undefined) ledger.write({ fact: step, order, at: Date.now() })
  if (action === 'reject')
    ledger.write({
      fact: 'dead',
      order,
      at: Date.now(),
      where: `${channel}:${group}`,
      why: plainly(error?.message ?? ''),
    })
})

const bus = await createBus({
  name: 'shop',
  services: roles.flatMap((role) => SERVICES[role] ?? []),
  declare: [orders.place],
  drainTimeout: '5s',
  logger: silentLogger, // the terminal belongs to the progress line; the books have it all
})
process.send?.({ ready: true, facts: bus.facts.engine })
if (roles.includes('shop')) {
  const stop = new AbortController()
  process.on('message', (message) => {
    if (message === 'stop') stop.abort()
  })
  await placeOrders(bus, ledger, orderPrefix, stop.signal)
}
process.on('disconnect', () => void bus.drain('1s'))

function orderOf(body: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === 'object' && value !== null && 'id' in value ? String(value.id) : undefined
  } catch {
    return undefined // the poison message: its order is in a header
  }
}

/** The first line, without the id that would make every reason a different one. */
function plainly(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/^WAYBILL_\w+: /, '').replace(/ \(id [^)]*\)/, '')
}
