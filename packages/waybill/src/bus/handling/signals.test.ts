// Events that are not stored, as services and their log see them.
import { expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { testBus } from '../../testing/test-bus.ts'
import type { Logger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const chat = contract('chat', {
  said: event(type<string>()),
  typing: event(type<string>(), { stored: false }),
})
const ignore = (): void => {}

test('both sorts of one contract are handled, each by itself', async () => {
  const seen: string[] = []
  const room = service('room')
    .on(chat.said, (text) => void seen.push(`said ${text}`))
    .on(chat.typing, (who, { attempt }) => void seen.push(`${who} types, try ${attempt}`))
  await using bus = await testBus({ services: [room] })
  await bus.publish(chat.said, 'hello')
  await bus.publish(chat.typing, 'ann')
  await bus.settle()
  expect(seen.toSorted()).toEqual(['ann types, try 1', 'said hello'])
})

test('one that fails for good is tried in this process, then dropped, and the log says so', async () => {
  const warnings: string[] = []
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: (_, message) => void warnings.push(message),
    error: ignore,
  }
  const attempts: number[] = []
  const room = service('room').on(
    chat.typing,
    (_who, { attempt }) => {
      attempts.push(attempt)
      throw new Error('no')
    },
    { retry: { attempts: 3, base: '1s', jitter: false } },
  )
  await using bus = await testBus({ services: [room], logger, rethrow: false })
  await bus.publish(chat.typing, 'ann')
  await bus.settle()
  await bus.advance('1s')
  expect(attempts).toEqual([1, 2, 3])
  expect(warnings).toEqual(['a message was dropped: nothing is kept for this instance'])
})
