import { ReplyError } from './reply-error.ts'

/** Names that begin so are the broker's (AMQP 0-9-1, section 3.1.3). */
const RESERVED = 'amq.'

/** The name that is meant by one in a method: line breaks do not count, as in RabbitMQ. */
export function entityName(given: string): string {
  return given.includes('\n') || given.includes('\r') ? given.replaceAll(/[\r\n]/g, '') : given
}

/** @throws {ReplyError} 403 when the name is the broker's */
export function requireOwnName(what: 'exchange' | 'queue', name: string): void {
  if (what === 'exchange') requireNotDefault(name)
  if (name.startsWith(RESERVED)) {
    throw new ReplyError(403, `${what} name '${name}' contains reserved prefix '${RESERVED}*'`)
  }
}

/** @throws {ReplyError} 403 when the name is the broker's */
export function requireDeletable(exchangeName: string, vhost: string): void {
  if (exchangeName.startsWith(RESERVED)) {
    throw new ReplyError(403, `deletion of system exchange '${exchangeName}' in vhost '${vhost}' not allowed`)
  }
}

/** @throws {ReplyError} 403 for the default exchange */
export function requireNotDefault(exchangeName: string): void {
  if (exchangeName === '') throw new ReplyError(403, 'operation not permitted on the default exchange')
}
