// ShareGroupHeartbeat, version 1
//   group_id member_id member_epoch rack_id [subscribed_topic_names]
import type { API, Driver } from '../../driver.ts'

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

export function heartbeat({
  createAPI,
  Writer,
}: Driver): API<
  [group: string, member: string, epoch: number, topics: readonly string[] | null],
  ShareHeartbeatAnswer
> {
  return createAPI(
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
  )
}
