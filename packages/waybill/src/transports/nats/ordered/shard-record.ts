import type { KvEntry } from '@nats-io/kv'
import type { Group } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import { NO_OWNER } from '../declarer.ts'

/** What stands in key-value of a shard of a group. Who writes it next must know the one before: so there is one owner. */
export interface ShardRecord {
  /** The member's id; `''` when it has let go. */
  readonly owner: string
  /** Of the owner, and of its consumers: the revision of the write by which it became the owner. Absent: of this very write. */
  readonly token?: number
  /** Former owners whose consumers may still be there. */
  readonly older: readonly number[]
  /** When the stream was made that the sequences here are of. */
  readonly of: string
  /** The sequence in the channel's stream from which nothing is known to be settled, should the consumers be gone. */
  readonly next: number
  /** Left by who let go: of everything up to `to`, these sequences alone are not settled. */
  readonly left?: { readonly to: number; readonly sequences: readonly number[] }
  /** What former owners had been handed and had not settled: from, exclusive, to, inclusive. Oldest first. */
  readonly unsettled: readonly (readonly [from: number, to: number])[]
}

/** A record and where it stands. */
export interface Standing {
  readonly record: ShardRecord
  readonly revision: number
  readonly token: number
}

export function standing(entry: KvEntry | undefined): Standing | undefined {
  if (entry === undefined || entry.operation !== 'PUT') return undefined
  const record = JSON.parse(entry.string()) as ShardRecord
  return { record, revision: entry.revision, token: record.token ?? entry.revision }
}

export function shardKey({ names }: Context, group: Group, shard: number): string {
  return `${names.leases(group)}.shard.${shard}`
}

/** The consumers of each shard's owner of now. */
export async function shardConsumers(
  context: Context,
  group: Group,
): Promise<readonly { readonly main: string; readonly lane: string | undefined }[]> {
  const { names } = context
  const registry = await context.wire().registry()
  return await Promise.all(
    Array.from({ length: group.channel.shards }, async (_, shard) => {
      const token = standing(await registry.get(shardKey(context, group, shard)))?.token
      if (token === undefined) return { main: names.shardConsumer(group, shard, NO_OWNER), lane: undefined }
      return { main: names.shardConsumer(group, shard, token), lane: names.laneConsumer(group, shard, token) }
    }),
  )
}
