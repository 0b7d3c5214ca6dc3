import { expect, test } from 'vitest'
import type { Publication, PublishResult } from '../amqp/engine.ts'
import { Batch } from './batch.ts'
import { Unconfirmed } from './unconfirmed.ts'

const LOST: PublishResult = { outcome: 'unknown', error: new Error('lost') }
const refusal = (): PublishResult => ({ outcome: 'refused', error: new Error('full') })

test('Unconfirmed answers a batch once all its tags are confirmed, cumulatively or one by one, in any order', async () => {
  const unconfirmed = new Unconfirmed()
  const [first, second] = [written(unconfirmed, 3), written(unconfirmed, 4)]
  unconfirmed.confirm(5, false)
  unconfirmed.confirm(4, true)
  expect(await first).toEqual(['accepted', 'accepted', 'accepted'])
  unconfirmed.confirm(7, false)
  unconfirmed.confirm(6, false)
  expect(await second).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
  expect(unconfirmed.isEmpty).toBe(true)
})

test('Unconfirmed answers refused for what is nacked, alone', async () => {
  const unconfirmed = new Unconfirmed()
  const answers = written(unconfirmed, 4)
  unconfirmed.confirm(1, false)
  unconfirmed.confirm(3, true, refusal)
  unconfirmed.confirm(4, true)
  expect(await answers).toEqual(['accepted', 'refused', 'refused', 'accepted'])
})

test('Unconfirmed answers unroutable for what is returned, matched by id in the order of publishing', async () => {
  const unconfirmed = new Unconfirmed()
  const answers = written(unconfirmed, 5, (index) => ({ mandatory: index !== 2, id: 'same' }))
  unconfirmed.returned('', 'queue', 'same')
  unconfirmed.returned('', 'queue', 'same')
  unconfirmed.returned('', 'queue', 'same')
  unconfirmed.confirm(5, true)
  expect(await answers).toEqual(['unroutable', 'unroutable', 'accepted', 'unroutable', 'accepted'])
})

test('lost() answers unknown for what is unconfirmed, and unroutable for what was returned', async () => {
  const unconfirmed = new Unconfirmed()
  const answers = written(unconfirmed, 4, (index) => ({ mandatory: true, id: String(index) }))
  unconfirmed.confirm(2, false)
  unconfirmed.returned('', 'queue', '3')
  unconfirmed.lost(LOST)
  expect(await answers).toEqual(['unknown', 'accepted', 'unknown', 'unroutable'])
  expect(unconfirmed.isEmpty).toBe(true)
})

test('Unconfirmed tells apart the batches that are written in turns', async () => {
  const unconfirmed = new Unconfirmed()
  const first = batchOf(2)
  const second = batchOf(1)
  unconfirmed.written(first.batch, 0)
  unconfirmed.written(second.batch, 0)
  unconfirmed.written(first.batch, 1)
  unconfirmed.confirm(2, false, refusal)
  expect(await second.outcomes).toEqual(['refused'])
  unconfirmed.confirm(3, true)
  expect(await first.outcomes).toEqual(['accepted', 'accepted'])
})

test('Unconfirmed keeps nothing of what is confirmed, however long one tag stays open', () => {
  const unconfirmed = new Unconfirmed()
  for (let tag = 1; tag <= 10_000; tag++) void written(unconfirmed, 1)
  for (let tag = 10_000; tag >= 1; tag--) unconfirmed.confirm(tag, false)
  expect(unconfirmed.isEmpty).toBe(true)
})

test('Unconfirmed tells a returned delayed message from the same message sent at once, mandatory or not', async () => {
  const unconfirmed = new Unconfirmed()
  const marks: Marks = (index) => ({
    mandatory: true,
    id: '1',
    ...(index === 1 ? { delayMs: 5, mandatory: false } : {}),
  })
  const [first, second] = [written(unconfirmed, 3, marks), written(unconfirmed, 3, marks)]
  unconfirmed.returned('delayed', 'queue', '1')
  unconfirmed.returned('', 'queue', '1')
  unconfirmed.confirm(6, true)
  expect(await first).toEqual(['accepted', 'unroutable', 'unroutable'])
  expect(await second).toEqual(['accepted', 'accepted', 'accepted'])
})

type Marks = (index: number) => { readonly mandatory: boolean; readonly id: string; readonly delayMs?: number }

function written(unconfirmed: Unconfirmed, count: number, marks?: Marks): Promise<string[]> {
  const { batch, outcomes } = batchOf(count, marks)
  for (let index = 0; index < count; index++) unconfirmed.written(batch, index)
  return outcomes
}

function batchOf(count: number, marks: Marks = (index) => ({ mandatory: false, id: String(index) })) {
  const publications = Array.from({ length: count }, (_, index) => {
    const { id, ...marked } = marks(index)
    return { exchange: '', routingKey: 'queue', message: { id }, persistent: true, ...marked } as Publication // enough of it
  })
  let batch: Batch | undefined
  const outcomes = new Promise<readonly PublishResult[]>((resolve) => (batch = new Batch(publications, resolve)))
  return {
    batch: batch as unknown as Batch, // the promise's function runs at once
    outcomes: outcomes.then((results) => results.map((each) => each.outcome)),
  }
}
