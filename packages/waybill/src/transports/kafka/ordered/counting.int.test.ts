import { afterAll, beforeAll } from 'vitest'
import { drillOrderedCounts } from '../../../conformance/ordered-counts-drill.test-support.ts'
import { describeOwnKafka } from '../../../testing/servers/describe-own-kafka.test-support.ts'
import { KafkaServer } from '../../../testing/servers/kafka-server.ts'
import { kafkaDrillEngine } from '../drill-engine.test-support.ts'

describeOwnKafka('deliveries of an ordered group on Kafka', () => {
  let server: KafkaServer
  beforeAll(async () => void (server = await KafkaServer.start({})), 600_000)
  afterAll(() => server.stop(), 60_000)

  drillOrderedCounts(() => kafkaDrillEngine(server))
})
