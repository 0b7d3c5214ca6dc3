// What integration tests of the NATS transport share.
import { connectedBy, type Connected } from '../../testing/connected.test-support.ts'
import type { NatsOptions } from './nats-options.ts'
import { nats } from './nats.ts'

export { numbered, runtime, saying, send, text, texts, type Connected } from '../../testing/connected.test-support.ts'

export const connected = (options: NatsOptions): Promise<Connected> => connectedBy(nats(options))
