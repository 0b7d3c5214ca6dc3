import { expect, test } from 'vitest'
import type { GateEntry } from './key-queue.ts'
import { ShardGate } from './shard-gate.ts'

/** What the gate asked for, in order. A delivery is a text: where it came from and which one it is. */
function bench(laneLimit?: number): {
  gate: ShardGate<string>
  log: string[]
  entry: (id: string) => GateEntry<string>
} {
  const log: string[] = []
  const entries = new Map<string, GateEntry<string>>()
  const note = (what: string, entry: GateEntry<string>): void => {
    entries.set(entry.id, entry)
    log.push(`${what} ${entry.id}`)
  }
  const gate = new ShardGate<string>(
    {
      now: () => 100,
      handOut: (entry) => note('hand out', entry),
      copy: (entry) => note('copy', entry),
      release: (delivery) => void log.push(`ack ${delivery}`),
      wakeAt: (key, due) => void log.push(`wake ${key} at ${due}`),
    },
    laneLimit,
  )
  const entry = (id: string): GateEntry<string> => {
    const found = entries.get(id)
    if (found === undefined) throw new Error(`${id} was neither handed out nor copied`)
    return found
  }
  return { gate, log, entry }
}

function open(laneLimit?: number): ReturnType<typeof bench> {
  const b = bench(laneLimit)
  b.gate.openLane()
  b.gate.openMain()
  return b
}

const lane = (id: string, sequence: number, more: { attempt?: number; due?: number } = {}) => ({
  id, key: 'k', sequence, attempt: 1, due: 0, delivery: `lane ${id} ${more.attempt ?? 1}`, ...more,
}) // prettier-ignore

test('nothing is handed out before the lane is known, and nothing of the main queue before openMain()', () => {
  const { gate, log } = bench()
  gate.fromLane(lane('1', 1))
  gate.fromMain('2', 'other', 1, 'main 2')
  expect(log).toEqual([])
  gate.openLane()
  expect(log).toEqual(['hand out 1'])
  gate.openMain()
  expect(log).toEqual(['hand out 1', 'hand out 2'])
})

test('what was redriven is not taken for what its owner has not yet heard to be a dead letter', () => {
  const { gate, log, entry } = open()
  gate.fromLane(lane('1', 1, { attempt: 2 }))
  const dying = entry('1')
  gate.burying(dying)
  gate.fromMain('1', 'k', 1, 'main 1')
  gate.done(dying)
  gate.copied(entry('1'))
  gate.fromLane(lane('1', 2))
  expect(log).toEqual(['hand out 1', 'copy 1', 'ack lane 1 2', 'ack main 1', 'hand out 1'])
})

test('fromMain() acknowledges what the lane holds already', () => {
  const { gate, log } = open()
  gate.fromLane(lane('1', 1))
  gate.fromMain('1', 'k', 1, 'main 1')
  expect(log).toEqual(['hand out 1', 'ack main 1'])
})

test('fromMain() never takes messages without an id for each other', () => {
  const { gate, log } = open()
  gate.fromLane(lane('', 1))
  gate.fromMain('', 'k', 1, 'main')
  expect(log).toEqual(['hand out ', 'copy '])
})

test('later messages of a blocked key follow it into the lane, one after another', () => {
  const { gate, log, entry } = open()
  for (const id of ['1', '2', '3']) gate.fromMain(id, 'k', 1, `main ${id}`)
  gate.retry(entry('1'), 2, 500)
  expect(log).toEqual(['hand out 1', 'copy 1'])
  gate.copied(entry('1'))
  expect(log.splice(0)).toEqual(['hand out 1', 'copy 1', 'ack main 1', 'copy 2'])
  gate.copied(entry('2'))
  expect(log).toEqual(['ack main 2', 'copy 3'])
  expect([entry('1').sequence, entry('2').sequence, entry('3').sequence]).toEqual([1, 2, 3])
})

test('a full lane takes no followers; they go on when it has room', () => {
  const { gate, log, entry } = open(1)
  for (const id of ['1', '2']) gate.fromMain(id, 'k', 1, `main ${id}`)
  for (const id of ['3', '4']) gate.fromMain(id, 'other', 1, `main ${id}`)
  gate.retry(entry('1'), 2, 0)
  gate.retry(entry('3'), 2, 500)
  gate.copied(entry('1'))
  gate.copied(entry('3'))
  expect(log.splice(0)).toEqual(['hand out 1', 'hand out 3', 'copy 1', 'copy 3', 'ack main 1', 'ack main 3'])
  gate.fromLane(lane('1', 1, { attempt: 2 }))
  gate.done(entry('1'))
  expect(log.splice(0)).toEqual(['hand out 1', 'ack lane 1 2', 'hand out 2'])
  gate.fromLane({ ...lane('3', 2, { attempt: 2 }), key: 'other' })
  gate.done(entry('3'))
  expect(log).toEqual(['hand out 3', 'ack lane 3 2', 'hand out 4'])
})

test('a follower that found the lane full is copied once another key leaves it', () => {
  const { gate, log, entry } = open(2)
  gate.fromLane(lane('1', 1, { due: 500 }))
  gate.fromLane({ ...lane('5', 2), key: 'other' })
  gate.fromMain('2', 'k', 1, 'main 2')
  expect(log.splice(0)).toEqual(['wake k at 500', 'hand out 5', 'wake k at 500'])
  gate.done(entry('5'))
  expect(log).toEqual(['ack lane 5 1', 'wake k at 500', 'copy 2'])
})

test('fromLane() keeps the highest attempt of two copies of one place, and acknowledges the other', () => {
  const { gate, log } = bench()
  gate.fromLane(lane('1', 1, { attempt: 2 }))
  gate.fromLane(lane('1', 1, { attempt: 3 }))
  gate.fromLane(lane('1', 1, { attempt: 1 }))
  gate.openLane()
  expect(log).toEqual(['ack lane 1 2', 'ack lane 1 1', 'hand out 1'])
})

test('the lane orders a key by sequence, whatever the order of arrival', () => {
  const { gate, log } = bench()
  gate.fromLane(lane('2', 2))
  gate.fromLane(lane('1', 1))
  gate.openLane()
  expect(log).toEqual(['hand out 1'])
})

test('a copy that arrives before its confirmation takes the place of the original then', () => {
  const { gate, log, entry } = open()
  gate.fromMain('1', 'k', 1, 'main 1')
  gate.retry(entry('1'), 2, 0)
  gate.fromLane(lane('1', 1, { attempt: 2 }))
  expect(log.splice(0)).toEqual(['hand out 1', 'copy 1'])
  gate.copied(entry('1'))
  expect(log).toEqual(['ack main 1', 'hand out 1'])
})

test('a copy of a dead owner takes the place of the first original, and of no later one', () => {
  const { gate, log } = bench()
  gate.openLane()
  for (const id of ['1', '2']) gate.fromMain(id, 'k', 1, `main ${id}`)
  gate.fromLane(lane('2', 7))
  expect(log.splice(0)).toEqual(['ack lane 2 1'])
  gate.fromLane(lane('1', 6, { attempt: 2 }))
  expect(log).toEqual(['ack main 1', 'hand out 1'])
})

test('renew() stores what waits in the lane once more, and hands it out once', () => {
  const { gate, log, entry } = open()
  gate.fromLane(lane('1', 1, { due: 200 }))
  gate.fromLane(lane('2', 2))
  log.length = 0
  gate.renew('k', 'lane 2 1')
  expect(log).toEqual(['copy 2'])
  gate.copied(entry('2'))
  gate.fromLane(lane('2', 2, { attempt: 1 }))
  expect(log.filter((line) => !line.startsWith('wake'))).toEqual(['copy 2', 'ack lane 2 1'])
  log.length = 0
  gate.renew('k', 'lane gone')
  gate.renew('other', 'lane 2 1')
  expect(log).toEqual([])
})
