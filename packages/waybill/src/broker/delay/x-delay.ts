import { findHeader, integerAt, withLong } from '../encoded-properties.ts'
import type { Message } from '../message.ts'
import { withProperties } from '../sender-selection.ts'

/** The header that an exchange of type `x-delayed-message` heeds: milliseconds, a whole number of any width. */
const HEADER = 'x-delay'

/** Milliseconds until the message is to be routed; 0 when the header is missing or no whole number. */
export function xDelayOf({ properties }: Message): number {
  const place = findHeader(properties, HEADER)
  return (place && integerAt(properties, place)) ?? 0
}

/** The message with its delay turned negative: it has been waited for, as RabbitMQ's plugin tells who receives it. */
export function withoutDelay(message: Message): Message {
  const { properties } = message
  const place = findHeader(properties, HEADER)
  const delayMs = place && integerAt(properties, place)
  if (place === undefined || delayMs === undefined) return message
  return withProperties(message, withLong(properties, place, -Math.abs(delayMs)))
}
