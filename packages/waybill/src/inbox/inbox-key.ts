import type { WireMessage } from '../message/wire-message.ts'

/** Says what makes two messages the same for a handler. */
export type IdempotentBy = (body: never, message: WireMessage) => string

/**
 * What the inbox remembers a message by: its type, and its id or what the handler's `idempotentBy` says. The type is part of
 * it, because ids and business keys of different messages may be equal. `undefined` where the message has no id: an ordinary
 * client gave none.
 *
 * @throws {TypeError} when `idempotentBy` returns no text
 */
export function inboxKey(message: WireMessage, body: unknown, by: IdempotentBy | undefined): string | undefined {
  if (by === undefined) return message.id === '' ? undefined : `${message.type} ${message.id}`
  const key: unknown = by(body as never, message) // the body was checked at registration
  if (typeof key !== 'string' || key === '')
    throw new TypeError(`idempotentBy of ${message.type} must return text, not ${key === '' ? "''" : typeof key}`)
  return `${message.type} by ${key}`
}

/** Whose inbox it is: two groups of one name on different channels are two. */
export function inboxOf(channel: { readonly kind: string; readonly name: string }, group: string): string {
  return `${group} ${channel.kind} ${channel.name}`
}
