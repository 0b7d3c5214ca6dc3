import type { InspectedGroup } from '../../transport/engine.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { isGroupsAlone, shardsOf } from './names.ts'

/** What the server says of a group now. What does not exist counts as empty. */
export async function inspectGroup({ names, connection }: Context, group: Group): Promise<InspectedGroup> {
  const { channel, name } = group
  const args = [name, shardsOf(channel), channel.foreign ?? '', isGroupsAlone(channel) ? 1 : 0]
  const reply = await connection().run('inspect', names.base(channel), args)
  const [ready = 0, held = 0, consumers = 0, deadLetters = 0] = reply.map(Number)
  return {
    // With nobody there, what was handed out is on its way back.
    snapshot: {
      channel: channel.name,
      group: name,
      depth: ready + (consumers === 0 ? held : 0),
      consumers,
      deadLetters,
    },
    lag: ready + held,
  }
}
