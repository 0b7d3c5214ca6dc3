import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../runtime/seeded-random.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { MessageLog, RecoveredLog } from './message-log.ts'
import { openLog } from './open-log.ts'
import { SimulatedDisk } from './simulated-files.ts'

// A model of the log is a list of operations; what a crash leaves must be what some prefix of them amounts to, no
// shorter than what was confirmed.

type Operation =
  | { readonly op: 'publish'; readonly sequence: number; readonly queues: readonly number[]; readonly body: string }
  | {
      readonly op: 'move'
      readonly from: { readonly queue: number; readonly sequence: number }
      readonly sequence: number
      readonly queues: readonly number[]
      readonly body: string
    }
  | { readonly op: 'settle' | 'count'; readonly queue: number; readonly sequences: readonly number[] }
  | { readonly op: 'define'; readonly key: string; readonly value: string | undefined }

class Model {
  readonly messages = new Map<number, { body: string; queues: Map<number, number> }>()
  readonly definitions = new Map<string, string>()

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'move':
        this.#settle(operation.from.queue, operation.from.sequence)
        this.#publish(operation)
        break
      case 'publish':
        this.#publish(operation)
        break
      case 'settle':
        for (const sequence of operation.sequences) this.#settle(operation.queue, sequence)
        break
      case 'count':
        for (const sequence of operation.sequences) {
          const queues = this.messages.get(sequence)?.queues
          queues?.set(operation.queue, (queues.get(operation.queue) ?? 0) + 1)
        }
        break
      case 'define':
        if (operation.value === undefined) this.definitions.delete(operation.key)
        else this.definitions.set(operation.key, operation.value)
    }
  }

  held(): [queue: number, sequence: number][] {
    return [...this.messages].flatMap(([sequence, { queues }]) =>
      [...queues.keys()].map((queue): [number, number] => [queue, sequence]),
    )
  }

  toString(): string {
    const holdings = [...this.messages].flatMap(([sequence, { body, queues }]) =>
      [...queues].map(([queue, count]) => `${sequence}:${queue}:${count}:${body}`),
    )
    return `${holdings.toSorted().join(' ')} | ${[...this.definitions].map(String).join(' ')}`
  }

  #publish({ sequence, queues, body }: { sequence: number; queues: readonly number[]; body: string }): void {
    this.messages.set(sequence, { body, queues: new Map(queues.map((queue) => [queue, 0])) })
  }

  #settle(queue: number, sequence: number): void {
    const queues = this.messages.get(sequence)?.queues
    queues?.delete(queue)
    if (queues?.size === 0) this.messages.delete(sequence)
  }
}

/** One life after another of a log on a simulated disk whose operations complete one at a time, when told to. */
class Lives {
  readonly completions: (() => void)[] = []
  readonly disk: SimulatedDisk
  readonly random: () => number
  log: MessageLog | undefined
  model = new Model()
  /** Of the present life: what has been asked for, and how much of it was confirmed. */
  operations: Operation[] = []
  confirmed = 0
  before = new Model()
  bodies = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new SimulatedDisk({ random: this.random, later: (fn) => void this.completions.push(fn) })
  }

  /** Lets one disk operation complete. */
  async step(): Promise<void> {
    this.completions.shift()?.()
    await new Promise((resolve) => void setImmediate(resolve))
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    const state = { pending: true }
    const settled = promise.finally(() => (state.pending = false))
    for (let turn = 0; state.pending; turn++) {
      if (turn > 5_000) throw new Error('the disk has done all it was asked for, and still nothing happens')
      await this.step()
    }
    return settled
  }

  async open(): Promise<RecoveredLog> {
    const recovered = await this.until(
      openLog({
        files: this.disk.files(),
        runtime: virtualRuntime({ seed: Math.floor(this.random() * 2 ** 31) }),
        segmentBytes: 8192,
        firstSegmentBytes: 8192,
        blockBytes: 2048,
        cacheBytes: 4096,
        reserveBytes: 0,
        events: {
          blocked: (_blocked, reason) => {
            throw new Error(reason)
          },
          damaged: (error) => {
            throw error
          },
        },
      }),
    )
    this.log = recovered.log
    return recovered
  }

  perform(kind: number, choice: number): void {
    const { log, model } = this
    if (log === undefined) return
    const held = model.held()
    const chosen = held[choice % Math.max(1, held.length)]
    const queues = [1 + (choice % 3), ...(choice % 5 === 0 ? [7, 8] : [])]
    const body = `${++this.bodies}`.padEnd(choice % 900, '.')
    const message = { exchange: 'e', routingKey: 'k', properties: Buffer.alloc(3), body: Buffer.from(body) }
    const at = this.operations.length + 1
    const done = (error: Error | undefined): void => {
      if (error === undefined) this.confirmed = Math.max(this.confirmed, at)
    }
    const record = (operation: Operation): void => {
      this.operations.push(operation)
      model.apply(operation)
    }
    if (kind < 4) {
      record({ op: 'publish', queues, body, sequence: log.publish(queues, message, done) })
    } else if (kind < 5) {
      const key = `k${choice % 4}`
      const value = choice % 3 === 0 ? undefined : `v${choice}`
      log.define(key, value, done)
      record({ op: 'define', key, value })
    } else if (chosen !== undefined) {
      const [queue, sequence] = chosen
      if (kind < 8) {
        const sequences = held.filter(([q, s]) => q === queue && Math.abs(s - sequence) < 4).map(([, s]) => s)
        log.settle(queue, sequences, done)
        record({ op: 'settle', queue, sequences })
      } else if (kind < 9) {
        log.countDelivery(queue, [sequence], done)
        record({ op: 'count', queue, sequences: [sequence] })
      } else {
        const from = { queue, sequence }
        record({ op: 'move', from, queues: [9], body, sequence: log.move(from, [9], message, done) })
      }
    }
  }

  /** What the log held when it was opened is what some prefix of the operations of the last life amounts to. */
  async check(recovered: RecoveredLog): Promise<void> {
    const found = new Model()
    for (const [key, value] of recovered.definitions) found.definitions.set(key, value)
    let last = 0
    const holdings: [number, number, number][] = []
    recovered.forEachMessage((queue, sequence, count) => {
      expect(sequence).toBeGreaterThanOrEqual(last)
      last = sequence
      holdings.push([queue, sequence, count])
    })
    for (const [queue, sequence, count] of holdings) {
      const message = found.messages.get(sequence) ?? { body: '', queues: new Map<number, number>() }
      if (message.body === '') {
        const stored = await this.until(Promise.resolve(recovered.log.read(sequence)))
        message.body = Buffer.from(stored.body).toString()
      }
      message.queues.set(queue, count)
      found.messages.set(sequence, message)
    }
    const expected = new Model()
    for (const [sequence, { body, queues }] of this.before.messages)
      expected.messages.set(sequence, { body, queues: new Map(queues) })
    for (const [key, value] of this.before.definitions) expected.definitions.set(key, value)
    const candidates: string[] = []
    for (let count = 0; count <= this.operations.length; count++) {
      if (count >= this.confirmed) candidates.push(expected.toString())
      const next = this.operations[count]
      if (next !== undefined) expected.apply(next)
    }
    const what = found.toString()
    if (!candidates.includes(what)) expect(what).toBe(candidates[0])
    this.before = found
    this.model = new Model()
    for (const [sequence, { body, queues }] of found.messages)
      this.model.messages.set(sequence, { body, queues: new Map(queues) })
    for (const [key, value] of found.definitions) this.model.definitions.set(key, value)
    this.operations = []
    this.confirmed = 0
  }
}

const turn = fc.record({
  kind: fc.integer({ min: 0, max: 9 }),
  choice: fc.nat(10_000),
  steps: fc.integer({ min: 0, max: 3 }),
})
const life = fc.record({ turns: fc.array(turn, { maxLength: 150, size: 'max' }), close: fc.boolean() })

test('openLog() after a crash at any point finds a prefix of what was asked for, with all that was confirmed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(life, { minLength: 1, maxLength: 6, size: 'max' }), async (seed, lives) => {
      const simulation = new Lives(seed)
      for (const { turns, close } of lives) {
        const recovered = await simulation.open()
        await simulation.check(recovered)
        for (const { kind, choice, steps } of turns) {
          simulation.perform(kind, choice)
          for (let i = 0; i < steps; i++) await simulation.step()
        }
        if (close) {
          await simulation.until(recovered.log.close())
          simulation.confirmed = simulation.operations.length
        } else {
          simulation.disk.crash()
          simulation.completions.length = 0
        }
      }
      const last = await simulation.open()
      expect(last.unclean).toBe(lives.at(-1)?.close === false)
      await simulation.check(last)
      await simulation.until(last.log.close())
    }),
    {
      numRuns: Number(process.env['WAYBILL_PROPERTY_RUNS'] ?? 60),
      interruptAfterTimeLimit: 90_000,
      // A run is one long history: shrinking it costs minutes and explains little. The seed is printed.
      endOnFailure: true,
      includeErrorInReport: true,
    },
  )
}, 120_000)
