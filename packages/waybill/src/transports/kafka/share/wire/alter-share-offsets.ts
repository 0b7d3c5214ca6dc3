// AlterShareGroupOffsets, version 0
//   group_id [topics: topic_name [partitions: partition_index start_offset]]
import type { API, Driver } from '../../driver.ts'

export interface AlterOffsetsAnswer {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Of each topic. */
export type Starts = [topic: string, starts: [partition: number, start: bigint][]][]

export function alterOffsets({ createAPI, Writer }: Driver): API<[group: string, topics: Starts], AlterOffsetsAnswer> {
  return createAPI(
    91,
    0,
    (group: string, topics: Starts) =>
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
  )
}
