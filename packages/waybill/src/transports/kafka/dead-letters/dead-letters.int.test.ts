import { afterAll, beforeAll } from 'vitest'
import { drillDeadLetters } from '../../../conformance/dead-letter-drill.test-support.ts'
import { describeOwnKafka } from '../../../testing/servers/describe-own-kafka.test-support.ts'
import { KafkaServer } from '../../../testing/servers/kafka-server.ts'
import { kafkaDrillEngine } from '../drill-engine.test-support.ts'

describeOwnKafka('dead letters on Kafka', () => {
  let server: KafkaServer
  beforeAll(async () => void (server = await KafkaServer.start({})), 600_000)
  afterAll(() => server.stop(), 60_000)

  drillDeadLetters(() => kafkaDrillEngine(server))
})
