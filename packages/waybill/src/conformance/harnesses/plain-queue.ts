// What an ordinary AMQP client does with queues.
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Group } from '../../transport/transport.ts'
import type { AmqpEngine } from '../../transports/amqp/engine.ts'
import { groupTopology } from '../../transports/amqp/topology.ts'

/** What lies in a queue now, oldest first; it stays there. The engine is connected. */
export async function readQueue(engine: AmqpEngine, queue: string): Promise<readonly WireMessage[]> {
  const messages: WireMessage[] = []
  const { messages: wanted } = (await engine.checkQueue(queue)) ?? { messages: 0 }
  if (wanted === 0) return messages
  let all: () => void = () => {}
  const read = new Promise<void>((resolve) => (all = resolve))
  const consumer = await engine.consume(
    { queue, prefetch: 0 },
    {
      deliver: (batch) => {
        messages.push(...batch.map(({ message }) => message))
        if (messages.length >= wanted) all()
      },
      cancelled: () => all(),
    },
  )
  await read
  await consumer.close()
  return messages
}

/** A new durable queue; answers its name. */
export async function makeQueue(engine: AmqpEngine, runtime: Runtime): Promise<string> {
  const name = `conformance.foreign.${runtime.newId()}`
  await engine.declareQueue({ name, life: 'durable' })
  return name
}

/** The queues that members of the group consume, their own apart. */
export function consumedBy(group: Group): readonly string[] {
  const { sources, lanes } = groupTopology(group)
  return [...sources, ...lanes]
}

/** Ends the group's consumers as an operator may: its queues are deleted; the broker tells the consumers. */
export async function deleteQueues(engine: AmqpEngine, group: Group): Promise<void> {
  for (const queue of consumedBy(group)) await engine.deleteQueue(queue)
}
