import { isJsonObject, type Json, type JsonObject } from '../../wire/json.ts'

/** Picks what `columns=name,message_stats.publish` names; everything when there is none. */
export function pickColumns(object: JsonObject, columns: string | null): JsonObject {
  if (columns === null || columns === '') return object
  const picked = emptyObject()
  for (const column of columns.split(',')) copy(object, picked, column.split('.'))
  return picked
}

/** The value that a path of names leads to. */
export function valueAt(object: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = object
  for (const name of path.split('.'))
    value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
  return value
}

function copy(from: JsonObject, to: Record<string, Json>, [name = '', ...rest]: readonly string[]): void {
  const value = Object.hasOwn(from, name) ? from[name] : undefined
  if (value === undefined) return
  if (rest.length === 0) to[name] = value
  else if (isJsonObject(value)) {
    const there = to[name]
    const inner = isJsonObject(there) ? (there as Record<string, Json>) : emptyObject() // made here
    copy(value, inner, rest)
    to[name] = inner
  }
}

/** One that takes any name, `__proto__` too. */
function emptyObject(): Record<string, Json> {
  return Object.create(null) as Record<string, Json>
}
