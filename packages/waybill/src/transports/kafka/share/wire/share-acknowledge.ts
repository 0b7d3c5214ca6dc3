// ShareAcknowledge, version 2
//   group_id member_id share_session_epoch is_renew_ack [topics]
import type { API, Driver } from '../../driver.ts'
import { appendTopics, type TopicAcknowledgements } from './topic-acknowledgements.ts'

export interface ShareAcknowledgeAnswer {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly topics: readonly {
    readonly topicId: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
  }[]
}

export function acknowledge({
  createAPI,
  Writer,
}: Driver): API<
  [group: string, member: string, session: number, renews: boolean, topics: TopicAcknowledgements[]],
  ShareAcknowledgeAnswer
> {
  return createAPI(
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
  )
}
