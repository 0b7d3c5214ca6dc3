// What a key costs whose messages never pause: on a channel with shards the relay sends them one for each round trip.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embedded } from 'waybill'
import { sqliteStore } from 'waybill/stores'
import type { Channel } from 'waybill/transport'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { messageOf } from './bench-message.ts'
import { rate, relayAll } from './outbox.bench.ts'
import { interval, pairs } from './pairs.ts'

const BODY = Buffer.alloc(100, 'x')
const ROWS = 3_000
const KEYS = 1_000
const CHANNEL: Channel = { kind: 'events', name: 'orders', shards: 8 }
const runtime = systemRuntime()

/** A backlog of one key beside one of a thousand, from a database in memory to the shared broker of a folder. */
export async function hotKeyBench(rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const transport = await embedded({ dir: folder })(runtime)
  const store = sqliteStore(':memory:')
  const relayed = async (keys: number): Promise<number> => {
    const rows = Array.from({ length: ROWS }, (_, n) => ({
      message: { ...messageOf(BODY, 'event', undefined), key: `customer-${n % keys}` },
      to: CHANNEL,
    }))
    await store.transaction((tx) => store.within(tx).enqueue(rows))
    return await rate(ROWS, () => relayAll(store, transport))
  }
  try {
    await store.open(runtime, new AbortController().signal)
    await transport.connect(AbortSignal.timeout(10_000))
    // Without a group nothing would be stored.
    await transport.declare({ channels: [CHANNEL], groups: [{ channel: CHANNEL, name: 'shipping', ordered: true }] })
    const results = await pairs(
      rounds,
      () => relayed(1),
      () => relayed(KEYS),
    )
    console.log(`Outbox: ${ROWS} rows of ${BODY.length} B, of one key beside ${KEYS}, ${rounds} pairs`)
    for (const [what, values] of [
      ['one key /s', results.map(({ a }) => a)],
      [`${KEYS} keys /s`, results.map(({ b }) => b)],
    ] as const)
      console.log(`  ${what.padEnd(37)} ${interval(values, 0)}`)
    console.log(`  ${'ratio'.padEnd(37)} ${interval(results.map(({ a, b }) => a / b))}`)
  } finally {
    await transport.close(1_000)
    await store.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}
