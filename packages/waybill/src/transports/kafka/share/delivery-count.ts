// A broker gives a record of a share group out so many times and then drops it (`group.share.delivery.count.limit`). Before
// that a copy takes its place, whose header says how often the originals were given out.
import type { WireMessage } from '../../../message/wire-message.ts'

const DELIVERIES = 'waybill-deliveries'

export function withDeliveries(message: WireMessage, count: number): WireMessage {
  return { ...message, headers: { ...message.headers, [DELIVERIES]: String(count) } }
}

export function deliveriesBefore(message: WireMessage): { readonly before: number; readonly message: WireMessage } {
  const { [DELIVERIES]: text, ...headers } = message.headers
  if (text === undefined) return { before: 0, message }
  const before = Number(text)
  return { before: Number.isSafeInteger(before) && before > 0 ? before : 0, message: { ...message, headers } }
}
