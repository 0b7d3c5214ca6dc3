// ShareGroupDescribe, version 1
//   [group_ids] include_authorized_operations
import type { API, Driver } from '../../driver.ts'

export interface ShareGroupAnswer {
  readonly errorCode: number
  readonly members: readonly string[]
}

export function describe({ createAPI, Writer }: Driver): API<[group: string], ShareGroupAnswer> {
  return createAPI(
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
  )
}
