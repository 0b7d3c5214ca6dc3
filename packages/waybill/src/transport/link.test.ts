import { expect, test } from 'vitest'
import { WaybillError } from '../message/errors.ts'
import { virtualRuntime, type VirtualRuntime } from '../runtime/virtual-runtime.ts'
import type { BackOff } from './back-off.ts'
import { Link, type LinkAddress } from './link.ts'

class Line {
  readonly to: string
  readonly lost: (cause: Error) => void
  goodbyes = 0
  isDestroyed = false
  /** Of its goodbye. */
  said: Promise<void> = Promise.resolve()

  constructor(to: string, lost: (cause: Error) => void) {
    this.to = to
    this.lost = lost
  }

  close(): Promise<void> {
    this.goodbyes++
    return this.said
  }

  destroy(): void {
    this.isDestroyed = true
  }
}

interface Bench {
  readonly runtime: VirtualRuntime
  readonly link: Link<LinkAddress, Line>
  readonly told: string[]
  readonly lines: Line[]
  readonly asked: string[]
  /** By address: why it cannot be connected to. */
  readonly away: Map<string, Error>
  /** Awaited before a connection is there; without an eye on the signal. */
  pause: Promise<void> | undefined
  addresses: readonly string[]
  connect(signal?: AbortSignal): Promise<Line>
}

function bench(names: readonly string[] = ['one'], backOff?: BackOff): Bench {
  // Back-off at its longest: 100, 200, 400 ms ...
  const runtime = { ...virtualRuntime(), random: () => 1 }
  const told: string[] = []
  const settings = {
    title: 'Model',
    addresses: () => Promise.resolve(b.addresses.map((text) => ({ text }))),
    backOff,
  }
  const link = new Link<LinkAddress, Line>(runtime, settings, {
    up: ({ to }) => void told.push(`up ${to}`),
    down: (error, { to }) => void told.push(`down ${to}: ${textOf(error)}`),
    trouble: (error) => void told.push(`trouble: ${textOf(error)}`),
  })
  const open = async ({ text }: LinkAddress, signal: AbortSignal, lost: (cause: Error) => void): Promise<Line> => {
    b.asked.push(text)
    signal.throwIfAborted()
    const line = new Line(text, lost)
    b.lines.push(line)
    await b.pause
    const reason = b.away.get(text)
    if (reason !== undefined) throw reason
    return line
  }
  const b: Bench = {
    runtime,
    link,
    told,
    lines: [],
    asked: [],
    away: new Map(),
    pause: undefined,
    addresses: names,
    connect: (signal = new AbortController().signal) => link.connect(open, signal),
  }
  return b
}

/** Without its code and its cure. */
const textOf = ({ message }: Error): string => message.replaceAll(/WAYBILL_\w+: |\n.*/gs, '')
const gone = (text: string): Error => new WaybillError('WAYBILL_NOT_CONNECTED', `${text} is gone`)

test('connect() takes the first address that answers, and the connection is there', async () => {
  const b = bench(['one', 'two'])
  b.away.set('one', gone('one'))
  const line = await b.connect()
  expect(b.link.connection).toBe(line)
  expect([b.link.isUp, line.to, b.asked, b.told]).toEqual([true, 'two', ['one', 'two'], ['up two']])
})

test('connect() with none there gives the reason of each, and may be tried again', async () => {
  const b = bench(['one', 'two'])
  for (const name of ['one', 'two']) b.away.set(name, gone(name))
  await expect(b.connect()).rejects.toThrow(/none of 2 addresses: .*one is gone; .*two is gone/)
  expect(() => b.link.connection).toThrow('no link to one, two')
  b.away.clear()
  await b.connect()
  expect(b.link.isUp).toBe(true)
})

test('connect() that is aborted rejects with the reason, tries no further address and leaves nothing', async () => {
  const b = bench(['one', 'two'])
  const resume = Promise.withResolvers<void>()
  b.pause = resume.promise
  const abort = new AbortController()
  const connecting = b.connect(abort.signal)
  await b.runtime.settle()
  abort.abort(new Error('enough'))
  resume.resolve()
  await expect(connecting).rejects.toThrow('enough')
  expect([b.asked, b.lines[0]?.isDestroyed, b.link.isUp, b.told]).toEqual([['one'], true, false, []])
})

test('connect() does not wait for addresses that never come', async () => {
  const never = new Promise<never>(() => undefined)
  const told = { up: () => undefined, down: () => undefined, trouble: () => undefined }
  const link = new Link<LinkAddress, Line>(virtualRuntime(), { title: 'Model', addresses: () => never }, told)
  const abort = new AbortController()
  const connecting = link.connect(() => never, abort.signal)
  abort.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
})

test('close() during connect(): it rejects with WAYBILL_CLOSED, and what was being opened is destroyed', async () => {
  const b = bench(['one', 'two'])
  const resume = Promise.withResolvers<void>()
  b.pause = resume.promise
  const connecting = expect(b.connect()).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
  await b.runtime.settle()
  let isClosed = false
  const closing = b.link.close(1_000).then(() => (isClosed = true))
  await b.runtime.settle()
  expect(isClosed).toBe(false)
  resume.resolve()
  await Promise.all([connecting, closing])
  expect([b.asked, b.lines[0]?.isDestroyed, b.told]).toEqual([['one'], true, []])
  await expect(b.connect()).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
})

test('close() waits for a try and for a goodbye until its deadline, and no longer', async () => {
  const b = bench()
  const line = await b.connect()
  line.said = new Promise(() => undefined)
  let isClosed = false
  const closing = b.link.close(300).then(() => (isClosed = true))
  await b.runtime.advance(299)
  expect([isClosed, line.goodbyes, line.isDestroyed]).toEqual([false, 1, false])
  await b.runtime.advance(1)
  await closing
  expect([line.isDestroyed, b.runtime.timers]).toEqual([true, []])
  expect(() => b.link.connection).toThrow('the Model transport is closed')
})

test('a lost link is told, goes on with the next address, and says no more of the old one', async () => {
  const b = bench(['one', 'two'])
  const first = await b.connect()
  first.lost(new Error('reset'))
  first.lost(new Error('again'))
  expect([b.link.isUp, first.isDestroyed]).toEqual([false, true])
  expect(() => b.link.connection).toThrow('no link to one, two')
  await b.runtime.advance(100)
  expect(b.told).toEqual(['up one', 'down one: lost the link to one: reset', 'up two'])
  first.lost(new Error('late'))
  expect([b.told.length, b.link.connection.to]).toEqual([3, 'two'])
})

test('what is lost while it is being opened has failed, and is destroyed', async () => {
  const b = bench(['one', 'two'])
  const resume = Promise.withResolvers<void>()
  b.pause = resume.promise
  const connecting = b.connect()
  await b.runtime.settle()
  b.pause = undefined
  b.lines[0]?.lost(new Error('reset'))
  resume.resolve()
  expect((await connecting).to).toBe('two')
  expect([b.lines[0]?.isDestroyed, b.told]).toEqual([true, ['up two']])
})

test('a flapping link: waits grow within an outage, and begin anew once it was up', async () => {
  const b = bench()
  const line = await b.connect()
  const waited = async (): Promise<readonly number[]> => {
    const tries: number[] = []
    for (let seen = b.asked.length; !b.link.isUp; await b.runtime.advance(100)) {
      if (b.asked.length === seen) continue
      seen = b.asked.length
      tries.push(b.runtime.monotonic())
      if (tries.length === 4) b.away.clear()
    }
    return tries
  }
  b.away.set('one', gone('one'))
  line.lost(new Error('reset'))
  expect(await waited()).toEqual([100, 300, 700, 1_500])
  const again = b.runtime.monotonic()
  b.lines.at(-1)?.lost(new Error('reset'))
  await b.runtime.advance(99)
  expect(b.link.isUp).toBe(false)
  await b.runtime.advance(1)
  expect([b.link.isUp, b.runtime.monotonic() - again]).toEqual([true, 100])
})

test('its back-off is the given one', async () => {
  const b = bench(['one'], { firstMs: 0, longestMs: 200 })
  const line = await b.connect()
  line.lost(new Error('reset'))
  await b.runtime.advance(0)
  expect(b.link.isUp).toBe(true)
})

test('the reasons of an outage are told once each, also beyond the most that are remembered, and anew in the next', async () => {
  const b = bench()
  const line = await b.connect()
  const fail = async (...errors: readonly Error[]): Promise<void> => {
    for (const error of errors) {
      b.away.set('one', error)
      await b.runtime.advance(5_000)
    }
  }
  line.lost(new Error('reset'))
  const refused = new WaybillError('WAYBILL_ACCESS_REFUSED', 'one is gone')
  await fail(gone('one'), gone('one'), refused, gone('one'), refused)
  const troubles = (): readonly string[] => b.told.filter((each) => each.startsWith('trouble'))
  expect(troubles()).toEqual(['trouble: one is gone', 'trouble: one is gone'])
  await fail(...Array.from({ length: 40 }, (_, n) => gone(`shape ${n}`)))
  expect(troubles()).toHaveLength(42)
  b.away.clear()
  await b.runtime.advance(5_000)
  b.away.set('one', gone('shape 39'))
  b.lines.at(-1)?.lost(new Error('reset'))
  await b.runtime.advance(5_000)
  expect(troubles().slice(42)).toEqual(['trouble: shape 39 is gone'])
})

test('addresses are asked for anew before each try; when they cannot be told, the try has failed', async () => {
  const b = bench()
  const line = await b.connect()
  b.addresses = []
  line.lost(new Error('reset'))
  await b.runtime.advance(100)
  expect(b.told.at(-1)).toBe('trouble: the broker has no address now')
  b.addresses = ['elsewhere']
  await b.runtime.advance(200)
  expect(b.told.at(-1)).toBe('up elsewhere')
})

test('close() while the link waits ends the tries; while one is under way, that one, too', async () => {
  const waiting = bench()
  const [line] = [await waiting.connect()]
  line.lost(new Error('reset'))
  await waiting.link.close(1_000)
  expect([waiting.runtime.timers, waiting.asked]).toEqual([[], ['one']])

  const trying = bench()
  const first = await trying.connect()
  const resume = Promise.withResolvers<void>()
  trying.pause = resume.promise
  first.lost(new Error('reset'))
  await trying.runtime.advance(100)
  const closing = trying.link.close(1_000)
  resume.resolve()
  await closing
  expect([trying.lines[1]?.isDestroyed, trying.told.length, trying.runtime.timers]).toEqual([true, 2, []])
})

test('the link may be closed by who is told that it went down, or that it cannot be taken up', async () => {
  for (const when of ['down', 'trouble'] as const) {
    const runtime = virtualRuntime()
    let line: Line | undefined
    const events = { up: () => undefined, down: () => undefined, trouble: () => undefined }
    const link: Link<LinkAddress, Line> = new Link(
      runtime,
      { title: 'Model', addresses: () => Promise.resolve([{ text: 'one' }]) },
      { ...events, [when]: () => void link.close(0) },
    )
    await link.connect((_, __, lost) => {
      if (line !== undefined) return Promise.reject(new Error('gone'))
      return Promise.resolve((line = new Line('one', lost)))
    }, new AbortController().signal)
    line?.lost(new Error('reset'))
    await runtime.advance(200)
    expect([when, runtime.timers]).toEqual([when, []])
  }
})
