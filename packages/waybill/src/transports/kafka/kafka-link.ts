import type { Fetcher } from './fetcher.ts'
import type { Producer } from './producer.ts'
import type { Session } from './session.ts'
import type { ShareApis } from './share/share-apis.ts'

/** A session, and what lives as long as it. */
export interface KafkaLink {
  readonly session: Session
  readonly producer: Producer
  readonly fetcher: Fetcher
  readonly share: ShareApis
}
