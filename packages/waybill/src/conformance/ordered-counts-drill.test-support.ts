// What an ordered group says of how often a message was handed out: nothing is written before the first time, and yet a message that
// takes its process with it is found out.
import { expect, test } from 'vitest'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { FaultProxy } from '../testing/fault-proxy.ts'
import { channel, group, message } from '../transport/fixtures.test-support.ts'
import type { Delivery, Group, Settlement, Subscription, Transport } from '../transport/transport.ts'
import type { DrillEngine } from './dead-letter-drill.test-support.ts'

const runtime = systemRuntime()
const WAIT = { timeout: 60_000, interval: 20 }
const FAILURE = { at: 0, attempt: 1, group: 'shipping', name: 'Error', message: 'no' }

interface Owner {
  readonly transport: Transport
  readonly counts: Map<string, number | undefined>
  readonly seen: readonly string[]
  readonly marked: Map<string, boolean | undefined>
  readonly subscription: Subscription
  /** Its process is gone. */
  crash(): Promise<void>
}

const newGroup = (): Group =>
  group(channel('events', `counted-${runtime.newId().slice(-8)}`, 1), 'shipping', { ordered: true })

/** Closes what it opened. */
class Stage {
  readonly #engine: DrillEngine
  readonly #open: { close(deadlineMs?: number): Promise<unknown> }[] = []

  constructor(engine: DrillEngine) {
    this.#engine = engine
  }

  async connected(host = this.#engine.host, port = this.#engine.port): Promise<Transport> {
    const transport = await this.#engine.connect(this.#engine.url(host, port))
    this.#open.push({ close: () => transport.close(0) })
    return transport
  }

  /** @param settle what it does with a message; holds it otherwise */
  async owner(of: Group, settle: (delivery: Delivery) => Settlement | undefined = () => undefined): Promise<Owner> {
    const { host, port } = this.#engine
    const proxy = await FaultProxy.open({ host, port })
    this.#open.push(proxy)
    const transport = await this.connected('127.0.0.1', proxy.port)
    const [counts, marked, seen] = [new Map<string, number | undefined>(), new Map<string, boolean | undefined>(), [] as string[]] // prettier-ignore
    const waiting: Settlement[] = []
    let taken: Subscription | undefined
    const subscription = await transport.subscribe({ group: of, transient: false, prefetch: 4 }, (batch) => {
      for (const { message: { id, attempt }, deliveryCount, redelivered } of batch) {
        counts.set(id, deliveryCount)
        marked.set(id, redelivered)
        seen.push(`${id} attempt ${attempt}: ${deliveryCount}`)
      }
      waiting.push(...batch.map(settle).filter((each) => each !== undefined))
      taken?.settle(waiting.splice(0))
    }) // prettier-ignore
    taken = subscription
    taken.settle(waiting.splice(0))
    const crash = async (): Promise<void> => {
      await proxy.refuse()
      proxy.cut()
    }
    return { transport, counts, seen, marked, subscription, crash }
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((each) => each.close()))
  }
}

async function send(by: Transport, to: Group, ...ids: readonly string[]): Promise<void> {
  const batch = ids.map((id) => ({ message: message(id, { key: id.slice(0, 1) }), to: to.channel }))
  for (const { outcome } of await by.send(batch)) expect(outcome).toBe('accepted')
}

export function drillOrderedCounts(engine: () => DrillEngine): void {
  test('are counted across owners that crash', { timeout: 240_000 }, async () => {
    const stage = new Stage(engine())
    try {
      const of = newGroup()
      const sender = await stage.connected()
      await sender.declare({ channels: [of.channel], groups: [of] })
      await send(sender, of, 'a1', 'a2', 'b1')
      for (let count = 1; count <= 4; count++) {
        const member = await stage.owner(of)
        await expect.poll(() => [...member.counts], WAIT).toEqual(expect.arrayContaining([['a1', count], ['b1', count]])) // prettier-ignore
        expect(member.marked.get('a1')).toBe(count > 1)
        expect(member.counts.has('a2')).toBe(false)
        await member.crash()
      }
      // What came after the crash is as good as new, and what was behind the others, nearly.
      const last = await stage.owner(of, (delivery) => ({ delivery, action: 'ack' }))
      await expect.poll(() => last.counts.get('a1'), WAIT).toBe(5)
      await send(sender, of, 'a3', 'c1')
      await expect.poll(() => last.counts.has('a3') && last.counts.has('c1'), WAIT).toBe(true)
      expect(last.counts.get('a2')).toBe(2)
      expect([last.counts.get('a3'), last.counts.get('c1')]).toEqual([1, 1])
    } finally {
      await stage.close()
    }
  })

  test('are counted in the lane, and anew for each attempt', { timeout: 240_000 }, async () => {
    const stage = new Stage(engine())
    try {
      const of = newGroup()
      const sender = await stage.connected()
      await sender.declare({ channels: [of.channel], groups: [of] })
      await send(sender, of, 'a1')
      const failing = await stage.owner(of, (delivery) =>
      delivery.message.attempt === 1 ? { delivery, action: 'retry', afterMs: 0, attempt: 2, failure: FAILURE } : undefined,
    ) // prettier-ignore
      await expect.poll(() => failing.seen, WAIT).toEqual(['a1 attempt 1: 1', 'a1 attempt 2: 1'])
      await failing.crash()
      const second = await stage.owner(of, (delivery) =>
      delivery.message.attempt === 2 ? { delivery, action: 'retry', afterMs: 0, attempt: 3, failure: FAILURE } : { delivery, action: 'ack' },
    ) // prettier-ignore
      await expect.poll(() => second.seen, WAIT).toEqual(['a1 attempt 2: 2', 'a1 attempt 3: 1'])
      await second.subscription.close(2_000)
    } finally {
      await stage.close()
    }
  })

  test('a shard that was let go of with nothing unsettled begins anew', { timeout: 240_000 }, async () => {
    const stage = new Stage(engine())
    try {
      const of = newGroup()
      const sender = await stage.connected()
      await sender.declare({ channels: [of.channel], groups: [of] })
      const first = await stage.owner(of, (delivery) => ({ delivery, action: 'ack' }))
      await send(sender, of, 'a1')
      await expect.poll(() => first.counts.get('a1'), WAIT).toBe(1)
      await first.subscription.close(2_000)
      await send(sender, of, 'a2')
      const second = await stage.owner(of)
      await expect.poll(() => second.counts.get('a2'), WAIT).toBe(1)
      // This one is let go of with a message in hand.
      await second.subscription.close(0)
      const third = await stage.owner(of, (delivery) => ({ delivery, action: 'ack' }))
      await expect.poll(() => third.counts.get('a2'), WAIT).toBe(2)
    } finally {
      await stage.close()
    }
  })
}
