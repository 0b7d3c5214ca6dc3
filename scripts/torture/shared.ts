// The broker process that services share: killed under load, again and again, and missed by two at once.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lives } from './shared-lives.ts'
import type { Said, Told } from './shared-service.ts'

const SERVICES = 6
/** From the last service's first confirm to the next kill. */
const LOAD_MS = { least: 100, most: 900 }
/** A service that has nothing confirmed for so long is given up. */
const GIVE_UP_MS = 20_000
/** What a kill may cost each service. */
const ALLOWED_MS = 2_000

const now = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs both tortures and prints what came of them; `false` when something is not as it must be. */
export async function tortureShared(kills: number, starts: number, random: () => number): Promise<boolean> {
  const home = await mkdtemp(join(tmpdir(), 'waybill-torture-shared-'))
  try {
    const survived = kills === 0 || (await killUnderLoad(join(home, 'load'), kills, random))
    const single = starts === 0 || (await startTwice(join(home, 'double'), starts))
    return survived && single
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

class Service {
  readonly child: ChildProcess
  readonly confirmed = new Set<string>()
  readonly unknown = new Set<string>()
  /** Until a message was confirmed again, after each kill. */
  readonly waits: number[] = []
  #killedAt: number | undefined
  #isBack = false
  #stopped = false

  constructor(dir: string, number: number, mode: 'load' | 'double', handled: (ids: readonly string[]) => void) {
    const script = join(import.meta.dirname, 'shared-service.ts')
    this.child = fork(script, [dir, String(number), mode], { execArgv: ['--conditions=@waybill/source'] })
    this.child.on('message', (said: Said) => {
      if (said.type === 'confirmed') this.#onConfirmed(said.ids, said.at)
      else if (said.type === 'handled') handled(said.ids)
      else if (said.type === 'unknown') this.unknown.add(said.id)
      else if (said.type === 'link') this.#isBack = said.event === 'connected'
      else if (said.type === 'stopped') this.#stopped = true
    })
  }

  get isWaiting(): boolean {
    return this.#killedAt !== undefined
  }

  get isStopped(): boolean {
    return this.#stopped
  }

  killed(at: number): void {
    this.#killedAt = at
    this.#isBack = false
  }

  tell(what: Told['type']): void {
    this.child.send({ type: what } satisfies Told)
  }

  /** The next thing it says. */
  async says(): Promise<Said> {
    const [said] = (await once(this.child, 'message')) as [Said]
    return said
  }

  #onConfirmed(ids: readonly string[], at: number): void {
    for (const id of ids) this.confirmed.add(id)
    // A confirm of the broker before may come late; only those on a new link count.
    if (this.#killedAt === undefined || !this.#isBack) return
    this.waits.push(at - this.#killedAt)
    this.#killedAt = undefined
  }
}

async function killUnderLoad(dir: string, kills: number, random: () => number): Promise<boolean> {
  const lives = new Lives(dir)
  const handled = new Map<string, number>()
  const services = Array.from(
    { length: SERVICES },
    (_, number) =>
      new Service(dir, number, 'load', (ids) => {
        for (const id of ids) handled.set(id, (handled.get(id) ?? 0) + 1)
      }),
  )
  try {
    await Promise.all(services.map((service) => service.says()))
    for (let kill = 0; kill < kills; kill++) {
      await pause(LOAD_MS.least + random() * (LOAD_MS.most - LOAD_MS.least))
      const pid = lives.look()
      if (pid === undefined) throw new Error('no broker is running')
      const at = now()
      for (const service of services) service.killed(at)
      process.kill(pid, 'SIGKILL')
      while (services.some(({ isWaiting }) => isWaiting)) {
        if (now() - at > GIVE_UP_MS) throw new Error(`after kill ${kill + 1} nothing was confirmed any more`)
        await pause(10)
        lives.look()
      }
      if (process.stdout.isTTY) process.stdout.write(`\r  kill ${kill + 1} of ${kills}`)
    }
    for (const service of services) service.tell('stop')
    const confirmed = (): readonly string[] => services.flatMap((service) => [...service.confirmed])
    const lost = (): readonly string[] => confirmed().filter((id) => !handled.has(id))
    const until = now() + GIVE_UP_MS
    while ((services.some(({ isStopped }) => !isStopped) || lost().length > 0) && now() < until) await pause(100)
    return reportKills(services, { kills, lives, confirmed: confirmed().length, lost: lost(), handled })
  } finally {
    await endAll(services, lives)
  }
}

interface Outcome {
  readonly kills: number
  readonly lives: Lives
  readonly confirmed: number
  readonly lost: readonly string[]
  readonly handled: ReadonlyMap<string, number>
}

function reportKills(services: readonly Service[], outcome: Outcome): boolean {
  const { kills, lives, confirmed, lost, handled } = outcome
  const again = [...handled.values()].filter((count) => count > 1).length
  const unknown = services.reduce((sum, service) => sum + service.unknown.size, 0)
  console.log(`\nshared broker killed ${kills} times under load of ${services.length} services`)
  console.log('  ms from the kill to the next confirm     median      p90    worst')
  const all = services.map(({ waits }) => waits.toSorted((a, b) => a - b))
  all.forEach((waits, number) => console.log(`    service ${number}                        ${row(waits)}`))
  const worst = Math.max(...all.flat())
  console.log(`  confirmed ${confirmed}, handled ${handled.size}, more than once ${again}, outcome unknown ${unknown}`)
  console.log(`  lives of brokers ${lives.all.length}, at one moment at most ${lives.most}`)
  console.log(`  lost: ${lost.length}`)
  const good = lost.length === 0 && lives.most === 1 && lives.all.length === kills + 1 && worst <= ALLOWED_MS
  if (!good) console.log(`  NOT AS IT MUST BE: none lost, ${kills + 1} lives, one at a time, at most ${ALLOWED_MS} ms`)
  return good
}

function row(sorted: readonly number[]): string {
  return [0.5, 0.9, 1]
    .map((part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN)
    .map((ms) => ms.toFixed(0).padStart(9))
    .join('')
}

/** Two services that look for a broker at the same instant; the one before has been killed, or has ended in good order. */
async function startTwice(dir: string, starts: number): Promise<boolean> {
  const lives = new Lives(dir)
  const services = [0, 1].map((number) => new Service(dir, number, 'double', () => {}))
  const errors: string[] = []
  try {
    await Promise.all(services.map((service) => service.says()))
    const startedAt = now()
    for (let start = 0; start < starts && errors.length === 0; start++) {
      const answers = services.map((service) => service.says())
      for (const service of services) service.tell('start')
      for (const said of await Promise.all(answers)) if (said.type === 'failed') errors.push(said.error)
      const pid = lives.look()
      if (pid !== undefined) process.kill(pid, start % 2 === 0 ? 'SIGKILL' : 'SIGTERM')
      while (lives.look() !== undefined) await pause(5)
    }
    const seconds = ((now() - startedAt) / 1000).toFixed(0)
    console.log(`\n${starts} times two services started at the same instant (${seconds} s)`)
    console.log(`  lives of brokers ${lives.all.length}, at one moment at most ${lives.most}`)
    for (const error of errors) console.log(`  FAILED ${error}`)
    return errors.length === 0 && lives.most === 1 && lives.all.length === starts
  } finally {
    await endAll(services, lives)
  }
}

async function endAll(services: readonly Service[], lives: Lives): Promise<void> {
  for (const { child } of services) child.kill('SIGKILL')
  await pause(50)
  const pid = lives.look()
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}
