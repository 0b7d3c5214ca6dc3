// A member of an ordered group in a process of its own, to be stopped: says each message that it is handed, with its fencing
// token, and holds it for a moment before it settles it.
import { systemRuntime } from '../../../runtime/system-runtime.ts'
import { channel, group } from '../../../transport/fixtures.test-support.ts'
import type { Subscription } from '../../../transport/transport.ts'
import { postgres } from '../postgres.ts'

const runtime = systemRuntime()
const transport = await postgres({ url: process.argv[2] ?? '', lease: '1s' })(runtime)
await transport.connect(AbortSignal.timeout(10_000))
const orders = channel('events', 'orders', 2)
const subscription: Subscription = await transport.subscribe(
  { group: group(orders, 'shipping', { ordered: true }), transient: false, prefetch: 8 },
  (batch) => {
    for (const delivery of batch) console.log(`${delivery.message.id} ${delivery.shard} ${delivery.fencing}`)
    runtime.setTimer(5, () => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' }))))
  },
)
console.log('ready')
runtime.keepAlive()
