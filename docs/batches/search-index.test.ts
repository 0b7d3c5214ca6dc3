import { expect, test } from 'vitest'
import { testBus } from 'waybill/testing'
import { products, searchIndex } from './search-index.ts'

test('products are indexed a hundred at a time, and one that is refused is tried again alone', async () => {
  const sizes: number[] = []
  const indexed = new Set<object>()
  let refusals = 1
  const search = searchIndex((documents) => {
    sizes.push(documents.length)
    const refused = new Map(refusals-- > 0 ? [[3, 'version conflict']] : [])
    documents.forEach((each, nth) => void (refused.has(nth) || indexed.add(each)))
    return Promise.resolve(refused)
  })
  await using bus = await testBus({ services: [search], rethrow: false })
  for (let n = 0; n < 250; n++) await bus.publish(products.changed, { id: `p${n}`, title: 'a title' })
  await bus.advance('1s')
  expect(sizes.slice(0, 2)).toEqual([100, 100])
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(251)
  expect([indexed.size, bus.deadLetters()]).toEqual([250, []])
})
