import type { JsonObject, Json } from '../../wire/json.ts'

/** One thing of a list, whose JSON is made only when it is shown. */
export interface Listed {
  /** What `name=` looks for. */
  readonly name: string
  show(): JsonObject
}

/** What a resource answers. */
export type Reply =
  | { readonly kind: 'json'; readonly value: Json; readonly status?: number }
  /** May be asked for by page, sorted, and with a few columns. */
  | { readonly kind: 'list'; readonly items: readonly Listed[] }
  | { readonly kind: 'created'; readonly location?: string }
  | { readonly kind: 'done' }

/** 204: it is done, or was so already. */
export const DONE: Reply = { kind: 'done' }

export const CREATED: Reply = { kind: 'created' }

export function json(value: Json, status = 200): Reply {
  return { kind: 'json', value, status }
}

export function list<T>(items: Iterable<T>, name: (item: T) => string, show: (item: T) => JsonObject): Reply {
  return { kind: 'list', items: Array.from(items, (item) => ({ name: name(item), show: () => show(item) })) }
}
