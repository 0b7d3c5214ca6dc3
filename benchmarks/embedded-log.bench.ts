// The embedded broker's log against the least that a durable log can be.
//
//   node --conditions=@waybill/source benchmarks/embedded-log.bench.ts publish [rounds] | open [messages] | memory [messages]
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { crc32 } from 'node:zlib'
import type { MessageLog, StoredMessage } from '../packages/waybill/src/broker/store/message-log.ts'
import { nodeFiles } from '../packages/waybill/src/broker/store/node-files.ts'
import { openLog } from '../packages/waybill/src/broker/store/open-log.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { BareLog } from './bare-log.ts'
import { interval, median, pairs } from './pairs.ts'

const OUTSTANDING = 256
const PER_ROUND = 50_000
const MIB = 1024 * 1024

/** The properties of a message with every header that the framework writes: about as many bytes. */
const PROPERTIES = Buffer.alloc(300, 7)

function message(bodyBytes: number): StoredMessage {
  return {
    exchange: 'waybill.orders',
    routingKey: '3.placed',
    properties: PROPERTIES,
    body: Buffer.alloc(bodyBytes, 1),
  }
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Appends `count` with so many outstanding; resolves with appends per second. */
function throughput(count: number, append: (done: () => void) => void): Promise<number> {
  return new Promise((resolve) => {
    const started = performance.now()
    let [sent, confirmed] = [0, 0]
    const next = (): void => {
      sent++
      append(() => {
        confirmed++
        if (sent < count) next()
        else if (confirmed === count) resolve((count * 1000) / (performance.now() - started))
      })
    }
    for (let i = 0; i < OUTSTANDING; i++) next()
  })
}

export async function publishBench(rounds: number): Promise<void> {
  await inFolder(async (folder) => {
    const stored = message(1024)
    const raw = Buffer.concat([stored.properties, stored.body])
    const bare = await BareLog.create(folder, PER_ROUND * (raw.length + 8))
    const { log } = await openLog({ files: await nodeFiles(join(folder, 'log')), runtime: systemRuntime() })
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const bareDelay = monitorEventLoopDelay({ resolution: 1 })
    let warm = false // the first pair is dropped, from the delays too
    const results = await pairs(
      rounds,
      async () => {
        const sequences: number[] = []
        if (warm) delay.enable()
        const rate = await throughput(PER_ROUND, (done) => sequences.push(log.publish([1], stored, done)))
        delay.disable()
        // Not timed: what makes room for the next round.
        log.settle(1, sequences)
        await log.flush()
        await new Promise((resolve) => setTimeout(resolve, 300))
        return rate
      },
      async () => {
        bare.rewind()
        if (warm) bareDelay.enable()
        const rate = await throughput(PER_ROUND, (done) => bare.append(raw, done))
        bareDelay.disable()
        warm = true
        return rate
      },
    )
    await log.close()
    await bare.destroy()
    const ratio = interval(results.map(({ a, b }) => a / b))
    console.log(`durable publish, 1 KiB, ${OUTSTANDING} outstanding, ${rounds} pairs of ${PER_ROUND}`)
    console.log(
      `  log  ${interval(
        results.map(({ a }) => a / 1000),
        1,
      )} k/s`,
    )
    console.log(
      `  bare ${interval(
        results.map(({ b }) => b / 1000),
        1,
      )} k/s`,
    )
    console.log(`  log : bare ${ratio} (target >= 0.6)`)
    // The histogram counts its own resolution in: 1 ms is an idle loop.
    const [p50, p99] = [delay.percentile(50), delay.percentile(99)].map(ms)
    console.log(
      `  event-loop delay p50 ${p50}, p99 ${p99} (target <= 5 ms), of bare p99 ${ms(bareDelay.percentile(99))}`,
    )
  })
}

function ms(nanoseconds: number): string {
  return `${(nanoseconds / 1e6).toFixed(2)} ms`
}

export async function openBench(messages: number): Promise<void> {
  await inFolder(async (folder) => {
    await fill(folder, messages)
    const [opened, read]: [number[], number[]] = [[], []]
    for (let round = 0; round < 5; round++) {
      const startedOpen = performance.now()
      const recovered = await openLog({ files: await nodeFiles(folder), runtime: systemRuntime() })
      let found = 0
      recovered.forEachMessage(() => found++)
      opened.push(performance.now() - startedOpen)
      if (found !== messages) throw new Error(`${found} messages of ${messages}`)
      await recovered.log.close()
      const startedRead = performance.now()
      for (const name of await readdir(folder)) if (name.endsWith('.log')) crc32(await readFile(join(folder, name)))
      read.push(performance.now() - startedRead)
    }
    console.log(`opening ${messages} live messages, 5 rounds`)
    console.log(`  open ${interval(opened, 0)} ms, CRC of the same files ${interval(read, 0)} ms`)
    console.log(`  open : CRC ${(median(opened) / median(read)).toFixed(2)} (target <= 3)`)
  })
}

export async function memoryBench(messages: number): Promise<void> {
  await inFolder(async (folder) => {
    await fill(folder, messages, (written) => {
      console.log(`${messages} queued messages of 100 B with full headers`)
      console.log(`  after publishing: ${(written / MIB).toFixed(0)} MiB resident (target < 1536)`)
    })
    const recovered = await openLog({ files: await nodeFiles(folder), runtime: systemRuntime() })
    let found = 0
    recovered.forEachMessage(() => found++)
    console.log(
      `  after opening again: ${(process.memoryUsage.rss() / MIB).toFixed(0)} MiB resident, ${found} messages`,
    )
    await recovered.log.close()
  })
}

async function fill(folder: string, messages: number, report?: (residentBytes: number) => void): Promise<void> {
  const { log } = await openLog({ files: await nodeFiles(folder), runtime: systemRuntime() })
  const stored = message(100)
  await publishAll(log, messages, stored)
  report?.(process.memoryUsage.rss())
  await log.close()
}

async function publishAll(log: MessageLog, messages: number, stored: StoredMessage): Promise<void> {
  for (let sent = 0; sent < messages;) {
    for (const end = Math.min(messages, sent + 10_000); sent < end; sent++) log.publish([1], stored, () => {})
    await log.flush()
  }
}

const benches: Readonly<Record<string, (count: number | undefined) => Promise<void>>> = {
  publish: (rounds = 15) => publishBench(rounds),
  open: (messages = 1_000_000) => openBench(messages),
  memory: (messages = 5_000_000) => memoryBench(messages),
}
if (import.meta.main) {
  const [what = '', count] = process.argv.slice(2)
  const bench = benches[what]
  if (bench === undefined) {
    console.error(`which benchmark? ${Object.keys(benches).join(', ')}`)
    process.exit(2)
  }
  await bench(count === undefined ? undefined : Number(count))
}
