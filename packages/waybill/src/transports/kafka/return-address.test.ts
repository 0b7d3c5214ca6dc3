import { expect, test } from 'vitest'
import { addressOfProcess, destinationOf, recipientOf } from './return-address.ts'

test('destinationOf() reads a service’s address and a process’s, and nothing else', () => {
  expect(destinationOf('shipping--replies')).toEqual({ topic: 'shipping--replies', partition: 0 })
  const to = destinationOf(addressOfProcess('shipping--answers', 3, 'abc_-1'))
  expect(to).toMatchObject({ topic: 'shipping--answers', partition: 3 })
  expect(recipientOf({ tenant: 'acme', ...to?.headers })).toEqual({ process: 'abc_-1', headers: { tenant: 'acme' } })
  for (const address of ['', 'a b', 'a/1', 'a/x/y', 'a/1/', 'x'.repeat(300)])
    expect(destinationOf(address)).toBeUndefined()
})
