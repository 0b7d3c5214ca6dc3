// A service of the torture of the shared broker: shared-service.ts <folder> <its number>. It sends, and handles what all
// send, until it is told to stop; with `double`, it only connects, once for each `start` that it is told.
import { subscribe } from 'node:diagnostics_channel'
import {
  createBus,
  contract,
  document,
  embedded,
  service,
  silentLogger,
  type,
  DIAGNOSTIC_CHANNELS,
} from '../../packages/waybill/src/index.ts'
import type { Bus, LinkChanged } from '../../packages/waybill/src/index.ts'

export type Told = { readonly type: 'stop' | 'start' }

/** Times are of the monotonic clock of the machine, in milliseconds. */
export type Said =
  | { readonly type: 'ready' }
  | { readonly type: 'confirmed'; readonly ids: readonly string[]; readonly at: number }
  | { readonly type: 'handled'; readonly ids: readonly string[] }
  /** The outcome of a send is not known: it may have been stored. */
  | { readonly type: 'unknown'; readonly id: string }
  | { readonly type: 'link'; readonly event: 'disconnected' | 'connected' }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: string }

const BATCH = 16
const PAUSE_MS = 20

const [dir = '', number = '', mode = 'load'] = process.argv.slice(2)
const work = contract('work', { job: document(type<{ id: string }>()) })
const quiet = { logger: silentLogger, drainOn: [], sendTimeout: '60s' } as const
const say = (said: Said): void => void process.send?.(said)

let stopped = false
if (mode === 'load') await load()
else {
  process.on('message', ({ type: what }: Told) => void (what === 'start' ? startOnce() : process.exit(0)))
  say({ type: 'ready' })
}

async function load(): Promise<void> {
  process.on('message', ({ type: what }: Told) => {
    if (what === 'stop' && !stopped) stopped = true
    else process.exit(0)
  })
  subscribe(DIAGNOSTIC_CHANNELS.transport, (message) => {
    const { event } = message as LinkChanged // of this channel
    if (event.type === 'disconnected' || event.type === 'connected') say({ type: 'link', event: event.type })
  })
  const handled: string[] = []
  const worker = service('worker').on(work.job, ({ id }) => {
    if (handled.push(id) === 1) setTimeout(() => say({ type: 'handled', ids: handled.splice(0) }), PAUSE_MS)
  })
  const bus = await createBus({ ...quiet, transport: embedded({ dir }), services: [worker] })
  say({ type: 'ready' })
  for (let n = 0; !stopped; n += BATCH) {
    await sendBatch(
      bus,
      Array.from({ length: BATCH }, (_, at) => `${number}-${n + at}`),
    )
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  say({ type: 'stopped' })
}

async function sendBatch(bus: Bus, ids: readonly string[]): Promise<void> {
  const confirmed: string[] = []
  await Promise.all(
    ids.map(async (id) => {
      try {
        await bus.send(work.job, { id })
        confirmed.push(id)
      } catch {
        say({ type: 'unknown', id })
      }
    }),
  )
  const at = Number(process.hrtime.bigint() / 1_000n) / 1_000
  if (confirmed.length > 0) say({ type: 'confirmed', ids: confirmed, at })
}

async function startOnce(): Promise<void> {
  try {
    const bus = await createBus({ ...quiet, transport: embedded({ dir }), declare: [work.job] })
    await bus.send(work.job, { id: number })
    await bus.drain()
    say({ type: 'stopped' })
  } catch (error) {
    say({ type: 'failed', error: String(error) })
  }
}
