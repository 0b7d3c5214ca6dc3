import { writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import {
  decodeConversation,
  packConversation,
} from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import type { News, SearchOptions } from './search.ts'

const NOW_OCTETS = 1024 * 1024
/** A conversation that is not over after so long never will be. */
const MOST_MS = 60_000
const LOOK_EVERY_MS = 5_000

/** Searches for conversations that the server does not stand, and says whether it stood them all. */
export async function search(options: Omit<SearchOptions, 'now'>): Promise<boolean> {
  const now = new SharedArrayBuffer(NOW_OCTETS)
  const worker = new Worker(new URL('./search.ts', import.meta.url), { workerData: { ...options, now } })
  const began = performance.now()
  let findings = 0
  worker.on('message', ({ finding, status }: News) => {
    if (finding !== undefined) {
      findings++
      console.log(`FOUND ${finding}`)
    }
    if (status === undefined) return
    const seconds = (performance.now() - began) / 1_000
    const rss = Math.round(process.memoryUsage.rss() / 1e6)
    console.log(
      `${seconds.toFixed(0)} s: ${status.played} conversations (${(status.played / seconds).toFixed(0)}/s), ` +
        `${status.corpus} in the corpus, ${status.reached} things reached, ${findings} findings, ${rss} MB`,
    )
    for (const [kind, times] of status.findings) if (times > 1) console.log(`  ${times} x ${kind}`)
  })
  const watch = watchOver(now, (bytes) => {
    const file = `${options.findings}/endless.txt`
    writeFileSync(file, `${packConversation(decodeConversation(bytes))}\n`)
    console.log(`FOUND a conversation that does not end\n  ${file}`)
    findings++
    void worker.terminate()
  })
  await new Promise<void>((resolve) => {
    worker.on('error', (error) => {
      findings++
      console.log(`FOUND ${error.stack ?? String(error)}`)
    })
    worker.on('exit', () => resolve())
  })
  clearInterval(watch)
  return findings === 0
}

function watchOver(now: SharedArrayBuffer, stuck: (bytes: Buffer) => void): NodeJS.Timeout {
  let last = Buffer.alloc(0)
  let since = performance.now()
  return setInterval(() => {
    const view = Buffer.from(now)
    const bytes = Buffer.from(view.subarray(4, 4 + view.readUInt32LE()))
    if (bytes.length === 0 || !bytes.equals(last)) {
      last = bytes
      since = performance.now()
    } else if (performance.now() - since > MOST_MS) stuck(bytes)
  }, LOOK_EVERY_MS)
}
