// A process that writes to an outbox in PostgreSQL, and relays it to RabbitMQ or dies, for the tests of relays.
import { Pool, type PoolClient } from 'pg'
import { contract, event, type } from '../../contract/contract.ts'
import { postgresStore } from '../../stores/postgres/postgres-store.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import { createBus } from '../create-bus.ts'

const [postgresUrl, rabbitmqUrl, schema = '', name = '', what] = process.argv.slice(2)
const pool = new Pool({ connectionString: postgresUrl })
const store = postgresStore<PoolClient>(pool, { schema })
const made = contract(
  name,
  { shards: 4 },
  { made: event(type<{ key: string; n: number }>(), { key: ({ key }) => key }) },
).made
const bus = await createBus({
  store,
  transport: rabbitmq({ url: rabbitmqUrl ?? '' }),
  outbox: { lease: '2s', relay: what === 'relay' },
})
if (what === 'relay') console.log('ready')
else {
  await store.transaction(async (tx) => {
    for (let n = 0; n < 50; n++) await bus.in(tx).publish(made, { key: `k${n % 5}`, n })
  })
  process.kill(process.pid, 'SIGKILL')
}
