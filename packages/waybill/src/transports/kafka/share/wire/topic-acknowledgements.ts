import type { Driver } from '../../driver.ts'

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

type Writer = ReturnType<Driver['Writer']['create']>

/** `topics => topic_id [partitions: partition_index [acknowledgement_batches: first_offset last_offset [types]]]` */
export function appendTopics(writer: Writer, topics: TopicAcknowledgements[]): Writer {
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
