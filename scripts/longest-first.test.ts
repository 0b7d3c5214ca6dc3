import { expect, test } from 'vitest'
import { rankOf } from './longest-first.ts'

test('the conformance suite on an engine comes before other tests with servers or processes, and these before the others', () => {
  const files = [
    '/a/src/bus/service/plan-subscriptions.test.ts',
    '/a/src/transports/redis/link.int.test.ts',
    '/a/src/cli/main.e2e.test.ts',
    '/a/src/conformance/ledger.test.ts',
    '/a/src/conformance/redis.int.test.ts',
    '/a/src/conformance/kafka.int.test.ts',
  ]
  expect(files.toSorted((a, b) => rankOf(a) - rankOf(b)).map((file) => file.split('/').slice(-2).join('/'))).toEqual([
    'conformance/kafka.int.test.ts',
    'conformance/redis.int.test.ts',
    'cli/main.e2e.test.ts',
    'redis/link.int.test.ts',
    'service/plan-subscriptions.test.ts',
    'conformance/ledger.test.ts',
  ])
})
