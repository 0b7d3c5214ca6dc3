import { describe, expect, test } from 'vitest'
import { PendingAcknowledgements } from './pending-acknowledgements.ts'
import { ACKNOWLEDGE } from './share-apis.ts'

describe('PendingAcknowledgements', () => {
  test('puts neighbours of one type together, in whatever order they were settled', () => {
    const pending = new PendingAcknowledgements()
    for (const offset of [7n, 5n, 6n, 9n]) pending.add('t', 0, offset, ACKNOWLEDGE.accept)
    pending.add('t', 0, 8n, ACKNOWLEDGE.release)
    pending.add('t', 1, 5n, ACKNOWLEDGE.accept)
    expect(pending.take()).toEqual([
      {
        topicId: 't',
        partitions: [
          {
            partition: 0,
            acknowledgements: [
              { first: 5n, last: 7n, type: ACKNOWLEDGE.accept },
              { first: 8n, last: 8n, type: ACKNOWLEDGE.release },
              { first: 9n, last: 9n, type: ACKNOWLEDGE.accept },
            ],
          },
          { partition: 1, acknowledgements: [{ first: 5n, last: 5n, type: ACKNOWLEDGE.accept }] },
        ],
      },
    ])
    expect(pending.isEmpty).toBe(true)
    expect(pending.take()).toEqual([])
  })

  test('take() names partitions that have none, to open a session with them', () => {
    expect(new PendingAcknowledgements().take([{ topicId: 't', partition: 2 }])).toEqual([
      { topicId: 't', partitions: [{ partition: 2, acknowledgements: [] }] },
    ])
  })
})
