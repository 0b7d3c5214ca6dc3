export type Permission = 'configure' | 'write' | 'read'

/** What a connection may do in its virtual host (RabbitMQ, Access Control). */
export interface Guard {
  /** Changes whenever an answer may have changed. */
  readonly version: number
  /** @throws {ReplyError} 403 */
  require(permission: Permission, kind: 'queue' | 'exchange', name: string): void
  /**
   * Whether a routing key of a topic exchange may be written, or a binding key be read.
   *
   * @throws {ReplyError} 403
   */
  requireTopic(permission: 'write' | 'read', exchange: string, routingKey: string): void
}

/** Of who is not asked: a bus in this process, or a service that has the secret of the folder. */
export const ANYTHING: Guard = { version: 0, require: () => {}, requireTopic: () => {} }
