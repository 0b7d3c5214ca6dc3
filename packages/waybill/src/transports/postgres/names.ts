// How channels and groups are called in the tables, and where the server notifies.
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'

/** Of its row in `channel`. Replies, and signals, may share their name with events; the key of replies is their return address. */
export function channelKey({ kind, name }: Channel): string {
  if (kind === 'signals') return `signals:${name}`
  return kind === 'reply' ? `replies:${name}` : name
}

/** Order is kept: asked for, or laid down by a command's shards. */
export function isOrdered(group: Group): boolean {
  return group.ordered || (hasOneRecipient(group.channel.kind) && group.channel.shards > 1)
}

/** Messages of queries, surveys and signals are for who is there now: they need not survive the server. */
export function isLogged({ kind }: Channel): boolean {
  return kind !== 'query' && kind !== 'survey' && kind !== 'signals'
}

/** One group has all its messages, whatever it is called. */
export function hasOneGroup({ kind }: Channel): boolean {
  return hasOneRecipient(kind) || kind === 'reply'
}

/** Notified when there is something for the group. */
export function messagesOf(schema: string, groupId: number): string {
  return `${schema}:${groupId}`
}

/** Notified when a member of the group, or an owner of its shards, has changed. */
export function membersOf(schema: string, groupId: number): string {
  return `${schema}:${groupId}:members`
}

/** Notified when there is something new in the history of the channel. */
export function historyOf(schema: string, channelId: number): string {
  return `${schema}:history:${channelId}`
}
