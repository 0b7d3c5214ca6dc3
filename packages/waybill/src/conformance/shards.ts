// Who owns the shards of an ordered group, by what its members report.
import { shardOf } from '../message/shard.ts'
import type { Group } from '../transport/transport.ts'
import type { Member } from './member.ts'
import type { Patience } from './patience.ts'

/** The shards that the member says it owns now. */
export function ownedBy(member: Member, group: Group): readonly number[] {
  const owned = new Set<number>()
  for (const event of member.events) {
    if (event.type !== 'shard-assigned' && event.type !== 'shard-revoked') continue
    if (event.channel !== group.channel.name || event.group !== group.name) continue
    if (event.type === 'shard-assigned') owned.add(event.shard)
    else owned.delete(event.shard)
  }
  return [...owned].sort((a, b) => a - b)
}

/** Waits until each shard has one owner and no member has two more than another. */
export async function spread(patience: Patience, members: readonly Member[], group: Group): Promise<void> {
  const { shards } = group.channel
  await patience.until(
    () =>
      `${shards} shards spread evenly; owned: ${members.map((member) => `[${ownedBy(member, group).join(' ')}]`).join(' ')}`,
    () => {
      const owned = members.map((member) => ownedBy(member, group))
      const all = owned.flat()
      const counts = owned.map((each) => each.length)
      return all.length === shards && new Set(all).size === shards && Math.max(...counts) - Math.min(...counts) <= 1
    },
  )
}

/** `each` keys for each shard. */
export function keysOf(shards: number, each = 1): readonly string[] {
  const keys = Array.from({ length: shards }, (): string[] => [])
  for (let n = 0; keys.some((found) => found.length < each); n++) {
    const found = keys[shardOf(`key${n}`, shards)]
    if (found !== undefined && found.length < each) found.push(`key${n}`)
  }
  return keys.flat()
}
