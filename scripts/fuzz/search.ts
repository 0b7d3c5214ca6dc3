// The search itself, which runs apart from who watches over it: a conversation that never ends would stop both.
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import {
  encodeConversation,
  packConversation,
  type Conversation,
} from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import { play } from '../../packages/waybill/src/broker/server/fuzz/play.test-support.ts'
import { Corpus } from './corpus.ts'
import { Dice } from './dice.ts'
import { conversation } from './grammar.ts'
import { minimized } from './minimize.ts'
import { mutated } from './mutations.ts'

export interface SearchOptions {
  readonly seed: number
  readonly minutes: number
  /** Write what was learned into the repository's corpus. */
  readonly learn: boolean
  /** Where what is played now is kept: its length, then its octets. */
  readonly now: SharedArrayBuffer
  /** Folder for what was found. */
  readonly findings: string
}

/** What is told to who watches. */
export interface News {
  readonly finding?: string
  readonly status?: {
    readonly played: number
    readonly corpus: number
    readonly reached: number
    readonly findings: readonly (readonly [kind: string, times: number])[]
  }
}

const { seed, minutes, learn, now, findings } = workerData as SearchOptions
const view = Buffer.from(now)
/** One kind of finding is looked into so often. */
const MOST_OF_A_KIND = 2
/** Tries to make a conversation shorter: of a finding, and of what goes into the corpus. */
const [TRIES_OF_A_FINDING, TRIES_FOR_THE_CORPUS] = [3_000, 60]
/** Slower conversations are findings: an octet must not cost so much. */
const MOST_MS = 4_000
const STATUS_EVERY_MS = 30_000

const thrown: string[] = []
process.on('uncaughtException', (error) => thrown.push(`uncaught: ${error.stack ?? String(error)}`))
process.on('unhandledRejection', (reason) =>
  thrown.push(`unhandled: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`),
)

interface Result {
  readonly violations: readonly string[]
  readonly reached: ReadonlySet<string>
}

let played = 0
async function perform(steps: Conversation): Promise<Result> {
  const bytes = encodeConversation(steps).subarray(0, view.length - 4)
  bytes.copy(view, 4)
  view.writeUInt32LE(bytes.length)
  played++
  thrown.length = 0
  const began = performance.now()
  let violations: string[] = []
  let reached: ReadonlySet<string> = new Set()
  try {
    const verdict = await play(steps)
    violations = [...verdict.violations]
    reached = verdict.reached
  } catch (error) {
    violations.push(`thrown: ${error instanceof Error ? error.stack : String(error)}`)
  }
  const elapsed = performance.now() - began
  if (elapsed > MOST_MS) violations.push(`it took ${Math.round(elapsed / 1_000)} s`)
  violations.push(...thrown)
  view.writeUInt32LE(0)
  return { violations, reached }
}

/** What two findings have in common that are one. */
function kindOf(violation: string): string {
  const [first = '', ...frames] = violation.split('\n')
  const place = frames.find((frame) => frame.includes('/src/'))?.replace(/.*\/src\//, '') ?? ''
  return `${first.replaceAll(/'[^']*'|\d+/g, '#').slice(0, 100)} ${place}`
}

const dice = new Dice(seed)
const corpus = new Corpus()
const seen = new Map<string, number>()
let files = 0

async function consider(steps: Conversation, mayShorten: boolean): Promise<void> {
  const { violations, reached } = await perform(steps)
  const [first] = violations
  if (first !== undefined) return found(steps, first)
  if (corpus.news(reached).length === 0) return
  const news = corpus.news(reached)
  const reachesAll = async (shorter: Conversation): Promise<boolean> => {
    const again = await perform(shorter)
    return again.violations.length === 0 && news.every((each) => again.reached.has(each))
  }
  const kept = mayShorten ? await minimized(steps, reachesAll, TRIES_FOR_THE_CORPUS) : steps
  corpus.add(kept, kept === steps ? reached : (await perform(kept)).reached)
}

async function found(steps: Conversation, violation: string): Promise<void> {
  const kind = kindOf(violation)
  const times = (seen.get(kind) ?? 0) + 1
  seen.set(kind, times)
  if (times > MOST_OF_A_KIND) return
  const isSame = async (shorter: Conversation): Promise<boolean> =>
    (await perform(shorter)).violations.some((each) => kindOf(each) === kind)
  const shortest = await minimized(steps, isSame, TRIES_OF_A_FINDING)
  const file = `${findings}/${seed}-${++files}.txt`
  writeFileSync(file, `${packConversation(shortest)}\n`)
  tell({ finding: `${violation}\n  ${file}` })
}

function status(): void {
  const { size, reached } = corpus
  tell({ status: { played, corpus: size, reached, findings: [...seen] } })
}

function tell(news: News): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a port, and no window
  parentPort?.postMessage(news)
}

const deadline = performance.now() + minutes * 60_000
let told = performance.now()
for (const steps of Corpus.read()) await consider(steps, false)
while (performance.now() < deadline) {
  const base = dice.chance(0.5) ? corpus.any(dice) : undefined
  const steps = base ?? conversation(dice)
  const isHostile = base !== undefined || dice.chance(0.5)
  await consider(isHostile ? mutated(dice, steps, corpus.any(dice) ?? steps) : steps, true)
  if (performance.now() - told < STATUS_EVERY_MS) continue
  told = performance.now()
  status()
  // Timers of the platform have their turn.
  await delay(1)
}
if (learn) corpus.write()
status()
