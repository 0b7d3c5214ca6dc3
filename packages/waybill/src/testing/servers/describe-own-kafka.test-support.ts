import { describeNeeding } from '../needing.test-support.ts'
import { canRunKafka } from './kafka-class-path.ts'

/** `describe` for tests that start a broker of their own, skipped with a reason where it cannot be had. */
export const describeOwnKafka: (name: string, tests: () => void) => void = describeNeeding(
  canRunKafka() ? undefined : 'java and mvn are not on the PATH, which run Kafka from Maven Central',
)
