/** What the broker says it is, and what follows from that. Waybill's broker names RabbitMQ as its product, for other clients. */
export interface ServerVersion {
  /** `rabbitmq`, `lavinmq`, …: the product in lower case. */
  readonly product: string
  readonly text: string
  readonly major: number
  readonly minor: number
}

export function serverVersion(properties: Readonly<Record<string, unknown>>): ServerVersion {
  const { waybill } = properties
  const given = typeof waybill === 'string' ? { product: 'waybill', version: waybill } : properties
  const text = typeof given['version'] === 'string' ? given['version'] : ''
  const product = typeof given['product'] === 'string' ? given['product'] : ''
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return { product: product.toLowerCase(), text, major: Number(major ?? 0), minor: Number(minor ?? 0) }
}

/** Quorum queues: RabbitMQ 3.8. Waybill's broker gives the properties of one to a durable queue. */
export function hasQuorumQueues(version: ServerVersion): boolean {
  return isWaybill(version) || (version.product === 'rabbitmq' && isAtLeast(version, 3, 8))
}

/**
 * A quorum queue of RabbitMQ has returned messages in a queue before the others, and puts another one that returns at the end
 * of that (seen on 3.10.8). Waybill's broker puts it at its place.
 */
export function requeuesBehind(version: ServerVersion): boolean {
  return hasQuorumQueues(version) && !isWaybill(version)
}

/**
 * Exchanges of type `x-delayed-message` that keep what they hold: Waybill's broker. RabbitMQ's plug-in has one copy of it,
 * on one node, and cannot say that nobody would take the message.
 */
export function hasDelayedExchanges(version: ServerVersion): boolean {
  return isWaybill(version)
}

/** `x-dead-letter-strategy: at-least-once` for quorum queues: RabbitMQ 3.10. */
export function hasSafeDeadLettering(version: ServerVersion): boolean {
  return version.product === 'rabbitmq' && isAtLeast(version, 3, 10)
}

/** Closes the channel of who does not settle in time: RabbitMQ 3.8.15, by default. */
export function hasConsumerTimeout(version: ServerVersion): boolean {
  return version.product === 'rabbitmq' && isAtLeast(version, 3, 9)
}

export function isWaybill(version: ServerVersion): boolean {
  return version.product === 'waybill'
}

export function isAtLeast(version: ServerVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor)
}
