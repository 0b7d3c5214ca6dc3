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
    depth: sum(main.map(readyIn)) + sum(retries.map(readyInLane)),
    consumers: sum(main.map((queue) => queue?.consumers ?? 0)),
    deadLetters: readyIn(dead),
  }
}

type Checked = Awaited<ReturnType<AmqpEngine['checkQueue']>>

function readyIn(queue: Checked): number {
  return queue?.messages ?? 0
}

/** Where nobody is its owner, one of the messages is the last owner's token. */
function readyInLane(lane: Checked): number {
  return lane?.consumers === 0 ? Math.max(0, lane.messages - 1) : readyIn(lane)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
