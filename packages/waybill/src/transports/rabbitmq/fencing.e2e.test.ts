import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { FencedLog } from '../../conformance/fenced-log.ts'
import { Ledger } from '../../conformance/ledger.ts'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { deleteEntities, NO_RABBITMQ, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { BROKER_URL, cleanUp } from './broker.test-support.ts'
import { bookings, GROUP, SHARDS, type Write } from './fencing.test-support.ts'
import { rabbitmq } from './rabbitmq.ts'

skipUnlessThere(NO_RABBITMQ)

const CHILD = fileURLToPath(new URL('fencing.child.test-support.ts', import.meta.url))
const ACCOUNTS = 8
const PACE_MS = 200

/** Two heartbeats of a second, a ping, and what a busy machine takes. */
const patiently = { timeout: 30_000, interval: 20 }

test(
  'a process that was stopped and replaced changes nothing any more when it goes on; one that was killed is replaced',
  { timeout: 120_000 },
  async () => {
    const name = uniqueName('fencing')
    const store = new FencedLog()
    const ledger = new Ledger()
    const refusedTo = new Set<string>()
    let ready = 0
    /** Those of whom the next handler is awaited. */
    const awaited = new Set<ChildProcess>()
    /** By account. */
    const lastWriters = new Map<number, string>()
    const join = (member: string): ChildProcess => {
      const child = fork(CHILD, [BROKER_URL, name], { execArgv: ['--conditions=@waybill/source'] })
      child.on('message', (said: Write | 'ready' | 'begun') => {
        if (said === 'ready') ready++
        if (said === 'begun') awaited.delete(child)
        if (typeof said === 'string') return
        const { id, account, n, fencing } = said
        const taken = store.write(account, member, fencing, performance.now())
        if (taken) {
          ledger.handled(`${account}/${n}`)
          lastWriters.set(account, member)
        } else refusedTo.add(member)
        if (child.connected) child.send({ id, taken })
      })
      cleanUp(async () => void child.kill('SIGKILL'))
      return child
    }
    cleanUp(() => deleteEntities(entities(name)))
    const bus = await createBus({
      transport: rabbitmq({ url: BROKER_URL }),
      name: 'bank',
      logger: silentLogger,
      drainOn: [],
    })
    cleanUp(() => bus.drain())
    const children = { a: join('a'), b: join('b'), c: join('c') }

    // A group begins when it is first subscribed to.
    await vi.waitFor(() => expect(ready).toBe(3), patiently)
    let going = true
    const publishing = (async () => {
      for (let n = 1; going; n++) {
        for (let account = 0; account < ACCOUNTS; account++) ledger.sending(`${account}/${n}`, String(account))
        await Promise.all(
          Array.from({ length: ACCOUNTS }, async (_, account) => {
            await bus.publish(bookings(name).booked, { account, n })
            ledger.sent(`${account}/${n}`, 'accepted')
          }),
        )
        await new Promise<void>((resolve) => void setTimeout(resolve, PACE_MS))
      }
    })()
    const writers = (): readonly string[] => [...lastWriters.values()]
    await vi.waitFor(() => {
      expect(new Set(writers())).toEqual(new Set(['a', 'b', 'c']))
      // Nothing moves any more.
      expect(performance.now() - (store.changes.at(-1)?.firstAt ?? 0)).toBeGreaterThan(2_000)
    }, patiently)

    awaited.add(children.a)
    await vi.waitFor(() => expect(awaited.size).toBe(0), { ...patiently, interval: 1 })
    children.a.kill('SIGSTOP')
    await vi.waitFor(() => expect(writers()).not.toContain('a'), patiently)
    children.a.kill('SIGCONT')
    // On a machine that stalls the others too, they may be refused as well.
    await vi.waitFor(() => expect(refusedTo).toContain('a'), patiently)
    await vi.waitFor(() => expect(writers()).toContain('a'), patiently)

    children.b.kill('SIGKILL')
    await vi.waitFor(() => expect(writers()).not.toContain('b'), patiently)
    going = false
    await publishing
    await vi.waitFor(() => expect(ledger.missing).toBe(0), patiently)
    expect(store.faults).toEqual([])
    expect(ledger.verdict()).toMatchObject({ lost: [], disorder: [] })
  },
)

function entities(name: string) {
  const queues = Array.from({ length: SHARDS }, (_, n) => `${name}:${GROUP}:${n}`)
  return {
    queues: [...queues, ...queues.map((queue) => `${queue}:retry`), `${name}:${GROUP}:dead`],
    exchanges: [name, `${name}:layout`, `${name}:${GROUP}:layout`, `${name}:${GROUP}:members`],
  }
}
