// The NATS transport beside the official client alone, on one server of their own, in alternating rounds.
import { nats } from 'waybill'
import { NatsServer } from '../packages/waybill/src/testing/servers/nats-server.ts'
import { compare } from './compare.ts'
import type { Runner } from './measured-run.ts'
import { RawCore, RawJetStream, RawNatsRequester } from './nats-raw.ts'
import { SeamClient } from './seam-client.ts'
import { SeamRequester } from './seam-requester.ts'

const BODY = Buffer.alloc(100, 'x')
const WINDOW = 256
const IN_FLIGHT = 64
const RAW = 'nats.js'

export async function natsBench(rounds: number, messages = 10_000): Promise<void> {
  const server = await NatsServer.start()
  const transport = nats({ servers: server.url })
  const beside = async (seam: Runner, raw: Runner, run: (sides: { seam: Runner; raw: Runner }) => Promise<void>) => {
    try {
      await run({ seam, raw })
    } finally {
      await raw.close()
      await seam.close()
    }
  }
  try {
    await beside(
      await SeamClient.open(transport, 'stored'),
      await RawJetStream.open(server.url, 'raw-stored'),
      (sides) =>
        compare({
          title: 'JetStream: publish, confirm, consume, acknowledge',
          raw: RAW,
          sides,
          run: { messages, window: WINDOW, body: BODY },
          rounds,
          targets: { throughput: 0.9, cpu: 2 },
        }),
    )
    await beside(
      await SeamClient.open(transport, 'asked', 'survey'),
      await RawCore.open(server.url, 'raw-asked'),
      (sides) =>
        compare({
          title: 'core NATS: publish, receive',
          raw: RAW,
          sides,
          run: { messages: 5 * messages, window: WINDOW, body: BODY },
          rounds,
          targets: { throughput: 0.6, cpu: 2 },
        }),
    )
    await beside(
      await SeamRequester.open(transport, 'requests'),
      await RawNatsRequester.open(server.url, 'raw-requests'),
      (sides) =>
        compare({
          title: 'core NATS: request and reply',
          raw: RAW,
          sides,
          run: { messages, window: IN_FLIGHT, body: BODY },
          rounds,
          targets: { throughput: 0.5, cpu: 2 },
        }),
    )
  } finally {
    await server.stop()
  }
}
