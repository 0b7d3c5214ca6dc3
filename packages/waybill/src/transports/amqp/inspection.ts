import type { Group, GroupSnapshot } from '../../transport/transport.ts'
import type { AmqpEngine } from './engine.ts'
import { groupTopology } from './topology.ts'

/** What the broker says of a group now. A queue that does not exist counts as empty. */
export async function inspectGroup(engine: AmqpEngine, group: Group): Promise<GroupSnapshot> {
  const { sources, lanes, deadLetters } = groupTopology(group)
  const [main, retries, dead] = await Promise.all([
    Promise.all(sources.map((queue) => engine.checkQueue(queue))),
    Promise.all(lanes.map((queue) => engine.checkQueue(queue))),
    engine.checkQueue(deadLetters),
  ])
  return {
    channel: group.channel.name,
    group: group.name,
    depth: [...main, ...retries].reduce((sum, queue) => sum + (queue?.messages ?? 0), 0),
    consumers: main.reduce((sum, queue) => sum + (queue?.consumers ?? 0), 0),
    deadLetters: dead?.messages ?? 0,
  }
}
