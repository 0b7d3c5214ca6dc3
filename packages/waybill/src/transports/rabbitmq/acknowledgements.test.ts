import { expect, test } from 'vitest'
import { Acknowledgements } from './acknowledgements.ts'

function delivered(count: number): { acknowledgements: Acknowledgements; sent: string[] } {
  const sent: string[] = []
  const acknowledgements = new Acknowledgements((tag, multiple) => sent.push(multiple ? `<=${tag}` : `${tag}`))
  for (let tag = 1; tag <= count; tag++) acknowledgements.delivered(tag)
  return { acknowledgements, sent }
}

test('flush() sends one acknowledgement for all that no unsettled delivery precedes', () => {
  const { acknowledgements, sent } = delivered(5)
  for (const tag of [2, 3, 1]) acknowledgements.ack(tag)
  acknowledgements.flush()
  expect(sent).toEqual(['<=3'])
  expect(acknowledgements.unsettled).toBe(2)
})

test('flush() sends what an unsettled delivery precedes one by one, and never repeats a tag', () => {
  const { acknowledgements, sent } = delivered(5)
  for (const tag of [3, 4]) acknowledgements.ack(tag)
  acknowledgements.flush()
  for (const tag of [1, 2]) acknowledgements.ack(tag)
  acknowledgements.flush()
  expect(sent).toEqual(['3', '4', '<=2'])
})

test('flush() marks a single acknowledgement as single', () => {
  const { acknowledgements, sent } = delivered(2)
  acknowledgements.ack(1)
  acknowledgements.flush()
  acknowledgements.flush()
  expect(sent).toEqual(['1'])
})

test('ack() ignores unknown tags, settled tags and those taken out', () => {
  const { acknowledgements, sent } = delivered(3)
  expect([acknowledgements.ack(9), acknowledgements.ack(1), acknowledgements.ack(1)]).toEqual([false, true, false])
  expect([acknowledgements.take(2), acknowledgements.take(2), acknowledgements.ack(2)]).toEqual([true, false, false])
  acknowledgements.flush()
  expect(sent).toEqual(['1'])
})
