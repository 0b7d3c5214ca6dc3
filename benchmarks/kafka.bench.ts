// The Kafka transport beside its client alone, on one broker of their own, in alternating rounds.
import { kafka } from 'waybill'
import { KafkaServer } from '../packages/waybill/src/testing/servers/kafka-server.ts'
import { compare } from './compare.ts'
import { RawKafka } from './kafka-raw.ts'
import { SeamClient } from './seam-client.ts'

const WINDOW = 256

export async function kafkaBench(rounds: number, messages = 10_000): Promise<void> {
  const server = await KafkaServer.start()
  try {
    const seam = await SeamClient.open(kafka({ url: server.url }), 'stored')
    const raw = await RawKafka.open([server.url.replace('kafka://', '')], 'raw-stored', 1)
    try {
      await compare({
        title: 'publish, confirm, consume, commit',
        raw: '@platformatic/kafka',
        sides: { seam, raw },
        run: { messages, window: WINDOW, body: Buffer.alloc(100, 'x') },
        rounds,
        targets: { throughput: 0.8, cpu: 2 },
      })
    } finally {
      await raw.close()
      await seam.close()
    }
  } finally {
    await server.stop()
  }
}
