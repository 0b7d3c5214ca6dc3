import { expect, test } from 'vitest'
import { withRedrive } from '../../dead-letters/marks.ts'
import { withFailure } from '../../message/failure.ts'
import { firstFailureAt, waitsSince } from './message-history.ts'

const failed = (headers: Readonly<Record<string, string>>, at: number, group = 'g') =>
  withFailure(headers, { at, attempt: 1, group, name: 'Error', message: 'x' })

test('the first failure is the group’s own, and the first since the message was redriven', () => {
  const failures = failed(failed(failed({}, 10, 'other'), 20), 30)
  expect(firstFailureAt({ headers: {} }, 'g')).toBeUndefined()
  expect(firstFailureAt({ headers: failures }, 'g')).toBe(20)
  const redriven = withRedrive(failures, { at: 1_000, by: 'me', run: 'r' })
  expect(firstFailureAt({ headers: redriven }, 'g')).toBeUndefined()
  expect(firstFailureAt({ headers: failed(failed(redriven, 1_500), 1_600) }, 'g')).toBe(1_500)
})

test('a message waits since it was made, failed last, or was redriven', () => {
  expect(waitsSince({ headers: {}, time: 5 })).toBe(5)
  expect(waitsSince({ headers: failed({}, 20), time: 5 })).toBe(20)
  expect(waitsSince({ headers: withRedrive(failed({}, 20), { at: 90, by: 'me', run: 'r' }), time: 5 })).toBe(90)
})
