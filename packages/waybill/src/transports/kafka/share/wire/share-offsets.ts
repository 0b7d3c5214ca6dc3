// DescribeShareGroupOffsets, version 1
//   [groups: group_id [topics: null for all]]
import type { API, Driver } from '../../driver.ts'

export interface ShareOffsets {
  readonly errorCode: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly start: bigint; readonly lag: bigint }[]
  }[]
}

export function offsets({ createAPI, Writer }: Driver): API<[group: string], ShareOffsets> {
  return createAPI(
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
  )
}
