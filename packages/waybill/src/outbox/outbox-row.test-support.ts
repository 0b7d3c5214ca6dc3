import { wireMessage } from '../message/build-message.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import type { OutboxRow } from '../store/store.ts'

const runtime = virtualRuntime()

export interface RowChanges {
  readonly position: bigint
  readonly key?: string
  readonly lane?: number
  readonly shards?: number
  readonly attempts?: number
  readonly bytes?: number
}

/** A row of an ordered channel, unless it has one shard. */
export function outboxRow({ position, key, lane = 0, shards = 4, attempts = 0, bytes = 1 }: RowChanges): OutboxRow {
  const fields = {
    source: '/test', type: 'test.made', kind: 'event', contentType: 'application/json', body: new Uint8Array(bytes), key,
  } as const // prettier-ignore
  return {
    position,
    lane,
    message: wireMessage({ ...fields, id: `m${position}` }, runtime),
    to: { kind: 'events', name: 'test', shards },
    attempts,
  }
}
