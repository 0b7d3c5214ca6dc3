import type { InspectedGroup } from '../../transport/engine.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'

/** Counts at most a million messages of a group: to count is to read them. */
export async function inspectGroup({ wire, sql, declarer }: Context, group: Group): Promise<InspectedGroup> {
  const names = { channel: group.channel.name, group: group.name }
  const id = await declarer.find(group)
  const [row] = id === undefined ? [] : await wire().control.run<Record<'depth' | 'lag' | 'consumers' | 'dead', number>>(sql.inspect, [id]) // prettier-ignore
  if (row === undefined) return { snapshot: { ...names, depth: 0, consumers: 0, deadLetters: 0 }, lag: 0 }
  const { depth, lag, consumers, dead } = row
  return { snapshot: { ...names, depth, consumers, deadLetters: dead }, lag }
}
