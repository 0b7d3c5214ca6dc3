import { expect, test } from 'vitest'
import { TakeOver, type LaneToken } from './take-over.ts'

const NOW = 1_000

function takeOver(name = 'a') {
  const sent: (string | LaneToken)[] = []
  const done: string[] = []
  const over = new TakeOver<string>(name, {
    now: () => NOW,
    mark: (marker) => void sent.push(marker),
    claim: (token) => void sent.push(token),
    release: (delivery) => void done.push(`release ${delivery}`),
    consumeMain: () => void done.push('consume main'),
    openLane: () => void done.push('open lane'),
    openMain: () => void done.push('open main'),
    superseded: () => void done.push('superseded'),
  })
  const lastToken = (): LaneToken => sent.at(-1) as LaneToken // a claim was the last
  over.probe()
  over.sawMarker(sent[0] as string)
  return { over, sent, done, lastToken }
}

const other = (value: number): LaneToken => ({ marker: 'b/2', value })

test('the first owner begins with the time of day, the next one with one more than the largest', () => {
  const first = takeOver()
  expect([first.over.phase, first.over.token, first.sent]).toEqual([
    'claiming',
    0,
    ['a/1', { marker: 'a/2', value: NOW }],
  ])
  first.over.sawToken(first.lastToken(), false, 'own')
  expect([first.over.phase, first.over.token, first.done]).toEqual(['waiting', NOW, ['open lane', 'consume main']])

  const next = takeOver()
  next.over.sawToken(other(5_000), true, '5000')
  next.over.sawToken(other(4_000), true, '4000')
  next.over.sawToken(next.lastToken(), false, 'too small')
  expect(next.over.phase).toBe('claiming')
  next.over.sawToken(next.lastToken(), false, 'own')
  expect(next.over.token).toBe(5_001)
  expect(next.done).toEqual(['release 5000', 'release 4000', 'release too small', 'open lane', 'consume main'])
})

test('a token that somebody was delivered before is not used, and asked for once more', () => {
  const { over, lastToken } = takeOver()
  over.sawToken(lastToken(), true, 'again')
  expect(over.phase).toBe('claiming')
  expect(lastToken()).toEqual({ marker: 'a/3', value: NOW })
  over.sawToken(lastToken(), false, 'own')
  expect(over.token).toBe(NOW)
})

test('a claim that was lost, as with a purged lane, is made again', () => {
  const { over, lastToken } = takeOver()
  over.probe()
  expect(lastToken()).toEqual({ marker: 'a/3', value: NOW })
  over.sawToken(lastToken(), false, 'own')
  expect(over.phase).toBe('waiting')
})

test('an owner keeps one token, its newest, and throws smaller ones away', () => {
  const { over, done, lastToken } = takeOver()
  over.sawToken(lastToken(), false, 'own')
  done.length = 0
  over.sawToken(other(NOW), false, 'late')
  over.renew()
  expect([over.phase, over.token]).toEqual(['waiting', NOW])
  over.sawToken(lastToken(), false, 'renewed')
  expect(done).toEqual(['release late', 'release own'])
})

test('an owner that sees a larger token is the owner no more, and leaves it where it is', () => {
  const { over, done, lastToken } = takeOver()
  over.sawToken(lastToken(), false, 'own')
  done.length = 0
  over.sawToken(other(NOW + 1), true, 'larger')
  expect(done).toEqual(['superseded'])
})

test('who does not own the lane does not renew', () => {
  const { over, sent } = takeOver()
  const before = sent.length
  over.renew()
  expect(sent.length).toBe(before)
})
