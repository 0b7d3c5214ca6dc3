import { createBus } from 'waybill'
import { orders, shop, warehouse } from './services.ts'

// No transport named: the embedded broker, in .waybill. WAYBILL_URL=amqp://… moves it to RabbitMQ, unchanged.
const bus = await createBus({ services: [shop, warehouse] }) // drains on SIGTERM
await bus.send(orders.place, { id: 'order-1', sku: 'book', amount: 1999 }) // resolves once it is on disk
