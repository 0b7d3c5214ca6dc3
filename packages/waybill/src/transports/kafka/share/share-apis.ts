// The requests of share groups (KIP-932, KIP-1206, KIP-1222), which the client does not have. Arrays, strings and
// structures are compact, each structure ends with tagged fields, as the client's `appendArray` and `readArray` write and
// read them.
import type { API, Driver } from '../driver.ts'

/** What becomes of acquired records: skipped gap, done, back to the group, and still ours. */
export const ACKNOWLEDGE = { gap: 0, accept: 1, release: 2, renew: 4 } as const
/** Never more records than asked for, though a batch has more. */
const RECORD_LIMIT = 1
export const OPEN_SESSION = 0
export const CLOSE_SESSION = -1
export const JOIN = 0
export const LEAVE = -1

export interface Acknowledgement {
  readonly first: bigint
  readonly last: bigint
  readonly type: number
}

export interface PartitionAcknowledgements {
  readonly partition: number
  readonly acknowledgements: readonly Acknowledgement[]
}

export interface TopicAcknowledgements {
  readonly topicId: string
  readonly partitions: readonly PartitionAcknowledgements[]
}

export interface ShareHeartbeatAnswer {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly assignment: readonly AssignedTopic[] | undefined
}

export interface AssignedTopic {
  readonly topicId: string
  readonly partitions: readonly number[]
}

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

export interface ShareAcknowledgeAnswer {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly topics: readonly {
    readonly topicId: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
  }[]
}

export interface ShareOffsets {
  readonly errorCode: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly start: bigint; readonly lag: bigint }[]
  }[]
}

export interface ShareApis {
  readonly heartbeat: API<
    [group: string, member: string, epoch: number, topics: readonly string[] | null],
    ShareHeartbeatAnswer
  >
  readonly fetch: API<
    [group: string, member: string, session: number, waitMs: number, most: number, topics: TopicAcknowledgements[]],
    ShareFetchAnswer
  >
  readonly acknowledge: API<
    [group: string, member: string, session: number, renews: boolean, topics: TopicAcknowledgements[]],
    ShareAcknowledgeAnswer
  >
  readonly describe: API<[group: string], { readonly errorCode: number; readonly members: readonly string[] }>
  readonly offsets: API<[group: string], ShareOffsets>
  readonly alterOffsets: API<
    [group: string, topics: [topic: string, starts: [partition: number, start: bigint][]][]],
    { readonly errorCode: number; readonly errorMessage: string | null }
  >
}

type Writer = ReturnType<Driver['Writer']['create']>

const MAX_BYTES = 8 * 1_024 * 1_024

export function shareApis({ createAPI, Reader, readRecordsBatches, Writer }: Driver): ShareApis {
  return {
    // group_id member_id member_epoch rack_id [subscribed_topic_names]
    heartbeat: createAPI(
      76,
      1,
      (group: string, member: string, epoch: number, topics: string[] | null) =>
        Writer.create()
          .appendString(group)
          .appendString(member)
          .appendInt32(epoch)
          .appendString(null)
          .appendArray(topics, (w, topic) => w.appendString(topic), true, false)
          .appendTaggedFields(),
      (_correlation, _api, _version, reader): ShareHeartbeatAnswer => {
        reader.readInt32() // throttle time
        const [errorCode, errorMessage] = [reader.readInt16(), reader.readNullableString()]
        reader.readNullableString() // member id: ours
        const [memberEpoch, heartbeatIntervalMs] = [reader.readInt32(), reader.readInt32()]
        const isUnchanged = reader.readInt8() < 0
        const assignment = isUnchanged
          ? undefined
          : reader.readArray((r) => ({
              topicId: r.readUUID(),
              partitions: r.readArray((each) => each.readInt32(), true, false),
            }))
        return { errorCode, errorMessage, memberEpoch, heartbeatIntervalMs, assignment }
      },
    ),

    // group_id member_id share_session_epoch max_wait_ms min_bytes max_bytes max_records batch_size share_acquire_mode
    // is_renew_ack [topics] [forgotten_topics_data]
    fetch: createAPI(
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
    ),

    // group_id member_id share_session_epoch is_renew_ack [topics]
    acknowledge: createAPI(
      79,
      2,
      (group: string, member: string, session: number, renews: boolean, topics: TopicAcknowledgements[]) =>
        appendTopics(
          Writer.create().appendString(group).appendString(member).appendInt32(session).appendBoolean(renews),
          topics,
        ).appendTaggedFields(),
      (_correlation, _api, _version, reader): ShareAcknowledgeAnswer => {
        reader.readInt32()
        const [errorCode, errorMessage] = [reader.readInt16(), reader.readNullableString()]
        reader.readInt32() // lock time-out
        const topics = reader.readArray((r) => ({
          topicId: r.readUUID(),
          partitions: r.readArray((p) => {
            const [partition, code] = [p.readInt32(), p.readInt16()]
            p.readNullableString()
            p.skip(8).readTaggedFields()
            return { partition, errorCode: code }
          }),
        }))
        return { errorCode, errorMessage, topics }
      },
    ),

    // [group_ids] include_authorized_operations
    describe: createAPI(
      77,
      1,
      (group: string) =>
        Writer.create()
          .appendArray([group], (w, id) => w.appendString(id), true, false)
          .appendBoolean(false)
          .appendTaggedFields(),
      (_correlation, _api, _version, reader) => {
        reader.readInt32()
        const [group] = reader.readArray((r) => {
          const errorCode = r.readInt16()
          r.readNullableString() // error message
          r.readString() // group id
          r.readString() // state
          r.skip(8) // epochs of group and assignment
          r.readString() // assignor
          const members = r.readArray((m) => {
            const id = m.readString()
            m.readNullableString() // rack
            m.skip(4) // epoch
            m.readString() // client id
            m.readString() // client host
            m.readArray((topic) => topic.readString(), true, false)
            m.readArray((topic) => {
              topic.readUUID()
              topic.readString()
              topic.readArray((each) => each.readInt32(), true, false)
            })
            m.readTaggedFields() // of the assignment
            return id
          })
          r.skip(4) // authorized operations
          return { errorCode, members }
        })
        return group ?? { errorCode: 0, members: [] }
      },
    ),

    // [groups: group_id [topics: null for all]]
    offsets: createAPI(
      90,
      1,
      (group: string) =>
        Writer.create()
          .appendArray([group], (w, id) => w.appendString(id).appendArray(null, () => undefined))
          .appendTaggedFields(),
      (_correlation, _api, _version, reader): ShareOffsets => {
        reader.readInt32()
        const [group] = reader.readArray((r) => {
          r.readString()
          const topics = r.readArray((t) => {
            const topic = t.readString()
            t.readUUID()
            const partitions = t.readArray((p) => {
              const [partition, start] = [p.readInt32(), p.readInt64()]
              p.skip(4) // leader epoch
              const lag = p.readInt64()
              p.readInt16()
              p.readNullableString()
              return { partition, start, lag }
            })
            return { topic, partitions }
          })
          const errorCode = r.readInt16()
          r.readNullableString()
          return { topics, errorCode }
        })
        return group ?? { errorCode: 0, topics: [] }
      },
    ),

    // group_id [topics: topic_name [partitions: partition_index start_offset]]
    alterOffsets: createAPI(
      91,
      0,
      (group: string, topics: [topic: string, starts: [partition: number, start: bigint][]][]) =>
        Writer.create()
          .appendString(group)
          .appendArray(topics, (w, [topic, starts]) =>
            w
              .appendString(topic)
              .appendArray(starts, (p, [partition, start]) => p.appendInt32(partition).appendInt64(start)),
          )
          .appendTaggedFields(),
      (_correlation, _api, _version, reader) => {
        reader.readInt32()
        let [errorCode, errorMessage] = [reader.readInt16(), reader.readNullableString()]
        reader.readArray((r) => {
          r.readString()
          r.readUUID()
          r.readArray((p) => {
            p.readInt32()
            const [code, message] = [p.readInt16(), p.readNullableString()]
            if (code !== 0) [errorCode, errorMessage] = [code, message]
          })
        })
        return { errorCode, errorMessage }
      },
    ),
  }
}

/** `topics => topic_id [partitions: partition_index [acknowledgement_batches: first_offset last_offset [types]]]` */
function appendTopics(writer: Writer, topics: TopicAcknowledgements[]): Writer {
  return writer.appendArray(topics, (w, { topicId, partitions }) =>
    w.appendUUID(topicId).appendArray([...partitions], (p, { partition, acknowledgements }) =>
      p.appendInt32(partition).appendArray([...acknowledgements], (a, { first, last, type }) =>
        a
          .appendInt64(first)
          .appendInt64(last)
          // One type for all of them.
          .appendArray([type], (t, each) => t.appendInt8(each), true, false),
      ),
    ),
  )
}
