// A message that waits in a `--later` topic is the message itself with one header more, which it loses when it goes on:
//   waybill-later-due    not to be handed out before, milliseconds since the epoch, decimal text
import type { WireMessage } from '../../message/wire-message.ts'

const DUE = 'waybill-later-due'

export function waiting(message: WireMessage, due: number): WireMessage {
  return { ...message, headers: { ...message.headers, [DUE]: String(Math.ceil(due)) } }
}

/** A message that somebody else put there is due at once. */
export function fromWaiting(message: WireMessage): { readonly message: WireMessage; readonly due: number } {
  const { [DUE]: text, ...headers } = message.headers
  const due = Number(text ?? 0)
  return { message: { ...message, headers }, due: Number.isSafeInteger(due) ? due : 0 }
}
