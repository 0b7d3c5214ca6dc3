import { beforeEach, expect, test } from 'vitest'
import type { Announcement, AnnouncementReading } from '../../broker/process/announcement.ts'
import type { StartOutcome } from '../../broker/process/start-outcome.ts'
import type { StoreLock } from '../../broker/store/store-files.ts'
import { WaybillError } from '../../message/errors.ts'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { findBroker, type FinderHost, type StartingBroker } from './broker-finder.ts'
import type { ProbeResult } from './probe.ts'

const IN_USE = new WaybillError('WAYBILL_STORE_IN_USE', 'taken')

function broker(name: string): Announcement {
  const secret = 'A'.repeat(43)
  return {
    protocol: 1,
    version: '0.1.0',
    instance: name,
    pid: 7,
    host: '127.0.0.1',
    port: 4001,
    user: 'waybill',
    secret,
  }
}

/** A folder, and the machine around it, as the test says. */
class Machine {
  reading: AnnouncementReading = { state: 'absent' }
  /** By instance. */
  readonly answers = new Map<string, ProbeResult>()
  starterHasLock = false
  opening: number | undefined
  started = 0
  released = 0
  /** What a started process does. */
  onStart: (tell: (outcome: StartOutcome) => void) => void = () => {}

  host(): FinderHost {
    return {
      dir: '/data',
      read: () => this.reading,
      probe: ({ instance }) => Promise.resolve(this.answers.get(instance) ?? 'gone'),
      lock: () => Promise.resolve(this.#lock()),
      start: () => this.#start(),
      progress: () => this.opening,
    }
  }

  announce(name: string): void {
    this.reading = { state: 'announced', announcement: broker(name) }
    this.answers.set(name, 'answers')
  }

  #lock(): StoreLock | undefined {
    if (this.starterHasLock) return undefined
    this.starterHasLock = true
    return { release: () => (this.starterHasLock = false) }
  }

  #start(): StartingBroker {
    this.started++
    return {
      outcome: new Promise((resolve) => this.onStart(resolve)),
      release: () => this.released++,
    }
  }
}

let machine: Machine
let runtime: VirtualRuntime
beforeEach(() => {
  machine = new Machine()
  runtime = virtualRuntime()
})

const find = (signal = new AbortController().signal): Promise<Announcement> =>
  findBroker(machine.host(), runtime, signal)
const failing = (): Promise<unknown> => find().catch((error: unknown) => error)

test('findBroker() takes the announced broker when it answers', async () => {
  machine.announce('one')
  await expect(find()).resolves.toMatchObject({ instance: 'one' })
  expect(machine.started).toBe(0)
})

test('findBroker() starts one where there is none, and gives the starter lock back', async () => {
  machine.onStart = (tell) => {
    machine.announce('new')
    tell({ type: 'ready', instance: 'new' })
  }
  const finding = find()
  await runtime.advance(1_000)
  await expect(finding).resolves.toMatchObject({ instance: 'new' })
  expect(machine).toMatchObject({ started: 1, released: 1, starterHasLock: false })
})

test.each(['gone', 'silent', 'stranger'] as const)('findBroker() replaces a dead broker: %s', async (result) => {
  machine.announce('old')
  machine.answers.set('old', result)
  machine.onStart = () => void runtime.setTimer(300, () => machine.announce('new'))
  const finding = find()
  await runtime.advance(1_000)
  await expect(finding).resolves.toMatchObject({ instance: 'new' })
  expect(machine.started).toBe(1)
})

test('findBroker() of a hundred services at once starts one', async () => {
  machine.onStart = () => void runtime.setTimer(300, () => machine.announce('new'))
  const finding = Array.from({ length: 100 }, () => find())
  await runtime.advance(1_000)
  for (const each of finding) await expect(each).resolves.toMatchObject({ instance: 'new' })
  expect(machine).toMatchObject({ started: 1, starterHasLock: false })
})

test('findBroker() goes on when the service that was starting a broker dies', async () => {
  machine.starterHasLock = true
  machine.onStart = () => machine.announce('new')
  const finding = find()
  await runtime.advance(5_000)
  expect(machine.started).toBe(0)
  machine.starterHasLock = false
  await runtime.advance(1_000)
  await expect(finding).resolves.toMatchObject({ instance: 'new' })
})

test('findBroker() gives up waiting for another service that starts a broker for ever', async () => {
  machine.starterHasLock = true
  const finding = failing()
  await runtime.advance(16_000)
  await expect(finding).resolves.toMatchObject({ code: 'WAYBILL_BROKER_UNREACHABLE' })
})

test('findBroker() rejects with what the broker met', async () => {
  const damaged = new WaybillError('WAYBILL_STORE_DAMAGED', 'bad')
  machine.onStart = (tell) => tell({ type: 'failed', error: damaged })
  const finding = failing()
  await runtime.advance(1_000)
  await expect(finding).resolves.toBe(damaged)
  expect(machine.starterHasLock).toBe(false)
})

test('findBroker() waits for a broker that reads a long log, however long, and no longer once it stops', async () => {
  machine.opening = 0
  const reading = (): void => {
    runtime.setTimer(500, () => {
      machine.opening = (machine.opening ?? 0) + 1
      if (machine.opening < 200) reading()
    })
  }
  reading()
  machine.onStart = (tell) => void runtime.setTimer(5_000, () => tell({ type: 'failed', error: IN_USE }))
  let settled = false
  const finding = failing().finally(() => (settled = true))
  await runtime.advance(99_000)
  expect(settled).toBe(false)
  await runtime.advance(20_000)
  await expect(finding).resolves.toMatchObject({ code: 'WAYBILL_BROKER_UNREACHABLE' })
})

test('findBroker() tells of a stopped broker which process it is', async () => {
  machine.announce('stopped')
  machine.answers.set('stopped', 'silent')
  machine.onStart = (tell) => void runtime.setTimer(5_000, () => tell({ type: 'failed', error: IN_USE }))
  const finding = failing()
  await runtime.advance(10_000)
  await expect(finding).resolves.toMatchObject({
    code: 'WAYBILL_BROKER_UNREACHABLE',
    message: expect.stringContaining('process 7') as string,
    cure: expect.stringContaining('kill -CONT 7') as string,
  })
  expect(machine.starterHasLock).toBe(false)
})

test('findBroker() does not blame a broker that is not there for the folder that somebody holds', async () => {
  machine.announce('killed')
  machine.answers.set('killed', 'gone')
  machine.onStart = (tell) => tell({ type: 'failed', error: IN_USE })
  const finding = failing()
  await runtime.advance(1_000)
  await expect(finding).resolves.toMatchObject({
    code: 'WAYBILL_BROKER_UNREACHABLE',
    message: expect.stringContaining('is not there') as string,
    cure: expect.stringContaining('inProcess') as string,
  })
})

test('findBroker() takes a broker that was slow, once it answers', async () => {
  machine.announce('slow')
  machine.answers.set('slow', 'silent')
  machine.onStart = (tell) =>
    void runtime.setTimer(5_000, () => {
      machine.answers.set('slow', 'answers')
      tell({ type: 'failed', error: IN_USE })
    })
  const finding = find()
  await runtime.advance(10_000)
  await expect(finding).resolves.toMatchObject({ instance: 'slow' })
})

test.each<[AnnouncementReading, string, string]>([
  [{ state: 'absent' }, 'WAYBILL_BROKER_UNREACHABLE', 'inProcess'],
  [{ state: 'unreadable', why: 'it is too long' }, 'WAYBILL_BROKER_UNREACHABLE', 'it is too long'],
  [
    { state: 'other-protocol', protocol: 2, version: '3.0.0', pid: 12 },
    'WAYBILL_BROKER_VERSION',
    'Waybill 3.0.0 with protocol 2',
  ],
])('findBroker() of a folder in use with %j', async (reading, code, text) => {
  machine.reading = reading
  machine.onStart = (tell) => tell({ type: 'failed', error: IN_USE })
  const finding = failing()
  await runtime.advance(1_000)
  await expect(finding).resolves.toMatchObject({ code, message: expect.stringContaining(text) as string })
})

test('findBroker() ends with its signal', async () => {
  const abort = new AbortController()
  const finding = find(abort.signal).catch((error: unknown) => error)
  await runtime.advance(1_000)
  const reason = new Error('enough')
  abort.abort(reason)
  await runtime.advance(100)
  await expect(finding).resolves.toBe(reason)
  expect(machine).toMatchObject({ started: 1, released: 1, starterHasLock: false })
})
