/**
 * Where messages of one sort flow.
 *
 * - `events`: the stream of one contract: every group receives each event, the members of a group share them
 * - `signals`: the events of one contract that are not stored: every instance that listens receives each, and nobody else
 * - `command`, `query`, `document`: one group, named by its owner; refused when nobody can receive
 * - `survey`: every group is asked
 * - `reply`: the replies to one service (durable), or to one process (transient)
 */
export type ChannelKind = 'events' | 'signals' | 'command' | 'query' | 'survey' | 'document' | 'reply'

export interface Channel {
  readonly kind: ChannelKind
  /** Unique among channels of its kind: `orders` (events, signals), `orders.place` (command), `checkout` (reply). Letters, digits, `._-`. */
  readonly name: string
  /**
   * Number of shards, fixed in the topology; 1 when the channel is not ordered. The shard of a message is
   * `shardOf(message.key, shards)`; a message without a key goes to shard 0.
   */
  readonly shards: number
  /**
   * Of events: keep each this long, in milliseconds, whether it was handled or not, so that it can be read again. Only
   * where the engine keeps history (capability `replay`). Absent: as long as a group needs it, or as the engine is set up.
   */
  readonly retentionMs?: number
  /** An entity that ordinary clients own: used by this name as it is, never declared, changed or deleted. */
  readonly foreign?: string
}

/** Several owners of one command would each take some of its messages, so these kinds have one group only. */
export function hasOneRecipient(kind: ChannelKind): boolean {
  return kind === 'command' || kind === 'query' || kind === 'document'
}
