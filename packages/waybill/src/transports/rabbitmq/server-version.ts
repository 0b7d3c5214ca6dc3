/** What the broker says it is, and what follows from that. */
export interface ServerVersion {
  /** `rabbitmq`, `lavinmq`, …: the product in lower case. */
  readonly product: string
  readonly text: string
  readonly major: number
  readonly minor: number
}

export function serverVersion(properties: Readonly<Record<string, unknown>>): ServerVersion {
  const text = typeof properties['version'] === 'string' ? properties['version'] : ''
  const product = typeof properties['product'] === 'string' ? properties['product'] : ''
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return { product: product.toLowerCase(), text, major: Number(major ?? 0), minor: Number(minor ?? 0) }
}

/** Quorum queues: RabbitMQ 3.8. */
export function hasQuorumQueues(version: ServerVersion): boolean {
  return version.product === 'rabbitmq' && isAtLeast(version, 3, 8)
}

/** `x-dead-letter-strategy: at-least-once` for quorum queues: RabbitMQ 3.10. */
export function hasSafeDeadLettering(version: ServerVersion): boolean {
  return version.product === 'rabbitmq' && isAtLeast(version, 3, 10)
}

export function isAtLeast(version: ServerVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor)
}
