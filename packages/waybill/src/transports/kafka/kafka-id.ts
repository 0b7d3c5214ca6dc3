import type { Runtime } from '../../runtime/runtime.ts'

/** A member's id as Kafka writes UUIDs: 128 bits in base64url. */
export function newKafkaId(runtime: Runtime): string {
  return Buffer.from(runtime.newId().replaceAll('-', ''), 'hex').toString('base64url')
}
