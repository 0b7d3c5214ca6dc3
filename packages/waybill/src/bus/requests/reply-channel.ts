import type { Channel } from '../../transport/channel.ts'

/** Where the replies go: to a service's asynchronous requests, or to those of one process. */
export function replyChannel(name: string): Channel {
  return { kind: 'reply', name, shards: 1 }
}
