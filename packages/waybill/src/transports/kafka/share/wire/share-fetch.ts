// ShareFetch, version 2
//   group_id member_id share_session_epoch max_wait_ms min_bytes max_bytes max_records batch_size share_acquire_mode
//   is_renew_ack [topics] [forgotten_topics_data]
import type { API, Driver } from '../../driver.ts'
import { appendTopics, type TopicAcknowledgements } from './topic-acknowledgements.ts'

type Batches = ReturnType<Driver['readRecordsBatches']>

export interface ShareFetchPartition {
  readonly partition: number
  readonly errorCode: number
  readonly acknowledgeErrorCode: number
  readonly batches: Batches
  readonly acquired: readonly { readonly first: bigint; readonly last: bigint; readonly deliveryCount: number }[]
}

export interface ShareFetchAnswer {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly lockMs: number
  readonly topics: readonly { readonly topicId: string; readonly partitions: readonly ShareFetchPartition[] }[]
}

/** Never more records than asked for, though a batch has more. */
const RECORD_LIMIT = 1
const MAX_BYTES = 8 * 1_024 * 1_024

export function fetch({
  createAPI,
  Reader,
  readRecordsBatches,
  Writer,
}: Driver): API<
  [group: string, member: string, session: number, waitMs: number, most: number, topics: TopicAcknowledgements[]],
  ShareFetchAnswer
> {
  return createAPI(
    78,
    2,
    (group: string, member: string, session: number, waitMs: number, most: number, topics: TopicAcknowledgements[]) =>
      appendTopics(
        Writer.create()
          .appendString(group)
          .appendString(member)
          .appendInt32(session)
          .appendInt32(waitMs)
          .appendInt32(1)
          .appendInt32(MAX_BYTES)
          .appendInt32(most)
          .appendInt32(most)
          .appendInt8(RECORD_LIMIT)
          .appendBoolean(false),
        topics,
      )
        .appendArray([], () => undefined)
        .appendTaggedFields(),
    (_correlation, _api, _version, reader): ShareFetchAnswer => {
      reader.readInt32()
      const [errorCode, errorMessage] = [reader.readInt16(), reader.readNullableString()]
      const lockMs = reader.readInt32()
      const topics = reader.readArray((r) => ({
        topicId: r.readUUID(),
        partitions: r.readArray((p): ShareFetchPartition => {
          const partition = p.readInt32()
          const code = p.readInt16()
          p.readNullableString()
          const acknowledgeErrorCode = p.readInt16()
          p.readNullableString()
          p.skip(8).readTaggedFields() // current leader
          const size = p.readUnsignedVarInt() - 1
          let batches: Batches = []
          if (size > 0) {
            batches = readRecordsBatches(Reader.from(p.buffer.subarray(p.position, p.position + size)))
            p.skip(size)
          }
          const acquired = p.readArray((a) => ({
            first: a.readInt64(),
            last: a.readInt64(),
            deliveryCount: a.readInt16(),
          }))
          return { partition, errorCode: code, acknowledgeErrorCode, batches, acquired }
        }),
      }))
      return { errorCode, errorMessage, lockMs, topics }
    },
  )
}
