import { isJsonObject, type Json } from '../../broker/wire/json.ts'

/** Shows a value as rabbitmqctl does: tables as lists of pairs, which scripts look for. */
export function shownValue(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : erlangTerm(value)
}

/** `[{"x-max-length",10}]` */
function erlangTerm(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null || typeof value !== 'object') return String(value)
  if (!isJsonObject(value)) return `[${value.map(erlangTerm).join(',')}]`
  const pairs = Object.entries(value).map(([name, field]) => `{${JSON.stringify(name)},${erlangTerm(field ?? null)}}`)
  return `[${pairs.join(',')}]`
}
