// Redrives the dead letters of a group in a process of its own, to be killed. Arguments: engine, address, channel.
import { systemRuntime } from '../runtime/system-runtime.ts'
import { channel, group } from '../transport/fixtures.test-support.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'

const [, , engine = '', url = '', name = ''] = process.argv
const room = (await import(`../transports/${engine}/${engine}.ts`)) as Record<
  string,
  (options: object) => TransportFactory
>
const transport = await (room[engine] as (options: object) => TransportFactory)({ url, servers: url })(systemRuntime())
await transport.connect(AbortSignal.timeout(20_000))
await transport.visitDeadLetters(group(channel('events', name), 'shipping'), {
  limit: 1_000,
  batch: 4,
  decide: (letters) => {
    console.log('deciding')
    return Promise.resolve(letters.map((message) => ({ action: 'redrive', message })))
  },
})
await transport.close(1_000)
