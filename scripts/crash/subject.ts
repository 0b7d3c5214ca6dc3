// The process that is killed: two services with a store, and the relay. Says `ready`, answers `left?`, and ends with SIGTERM.
import { createBus, service, silentLogger } from 'waybill'
import { resolveTransport } from '../../packages/waybill/src/bus/settings/resolve-transport.ts'
import type { Group, Transport } from '../../packages/waybill/src/transport/transport.ts'
import type { Boundary } from './boundaries.ts'
import { CrashPoint } from './crash-point.ts'
import { crashingStore } from './crashing-store.ts'
import { crashingTransport } from './crashing-transport.ts'
import { openDatabase } from './databases.ts'
import { Ledger } from './ledger.ts'
import { MUTANTS, type MutantName } from './mutants.ts'
import { failsOnce, isBroken, steps } from './workload.ts'

/** How one life is to be. */
export interface Life {
  readonly transportUrl: string
  readonly databaseUrl: string
  /** Of the contract. */
  readonly name: string
  readonly boundary?: Boundary
  readonly nth: number
  /** Sends all dead letters back, once it runs. */
  readonly redrives: boolean
  readonly mutant?: MutantName
}

export type Said =
  { readonly type: 'ready' } | { readonly type: 'left'; readonly outbox: number; readonly deadLetters: number }

class Broken extends Error {}

const life = JSON.parse(process.argv[2] ?? '') as Life // written by the parent
const say = (said: Said): void => void process.send?.(said)

const crash = new CrashPoint(life.boundary, life.nth)
const database = await openDatabase(life.databaseUrl)
const ledger = new Ledger(database)
const messages = steps(life.name)
const { factory } = await resolveTransport({ url: life.transportUrl, mode: undefined, cwd: process.cwd() })
let transport: Transport | undefined
const mutate = life.mutant === undefined ? undefined : MUTANTS[life.mutant].mutate
const passing = crashingStore(database.store, crash)
const store = mutate === undefined ? passing : mutate(passing, () => transport)

const options = {
  ordered: true,
  retry: { attempts: 4, immediate: 0, base: '20ms', giveUpOn: [Broken] },
} as const
const worker = service('worker', { store }).on(
  messages.asked,
  async (step, ctx) => {
    crash.at('before-handler')
    if (failsOnce(step) && ctx.attempt === 1) throw new Error('as it does at first')
    if (isBroken(step) && !(await ledger.isRepaired(ctx.tx))) throw new Broken('not repaired yet')
    await ledger.write(ctx.tx, 'applied', step)
    await ctx.publish(messages.done, step)
  },
  options,
)
const auditor = service('auditor', { store }).on(
  messages.done,
  (step, ctx) => ledger.write(ctx.tx, 'audited', step),
  options,
)

const bus = await createBus({
  transport: async (runtime) => (transport = crashingTransport(await factory(runtime), crash)),
  services: [worker, auditor],
  outbox: { lease: '1s' },
  logger: silentLogger,
})
process.on('message', (asked: 'left?') => {
  if (asked === 'left?') void tellWhatIsLeft()
})
process.once('SIGTERM', () => void bus.drain().then(() => database.close()))
// It ends with its parent.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// The bus alone keeps it alive.
process.channel?.unref()
say({ type: 'ready' })
if (life.redrives) await redriveAll()

async function redriveAll(): Promise<void> {
  const { channel } = messages.asked
  const group: Group = { channel, name: 'worker', types: [messages.asked.type], ordered: true }
  await transport?.visitDeadLetters(group, {
    limit: 10_000,
    batch: 4,
    decide: (letters) =>
      Promise.resolve(letters.map((message) => ({ action: 'redrive', message: { ...message, attempt: 1 } }))),
  })
}

async function tellWhatIsLeft(): Promise<void> {
  const { broker } = await bus.health()
  const { waiting, parked } = await database.store.outbox.inspect()
  const deadLetters = broker.groups.reduce((sum, each) => sum + each.deadLetters, 0)
  say({ type: 'left', outbox: waiting + parked, deadLetters })
}
