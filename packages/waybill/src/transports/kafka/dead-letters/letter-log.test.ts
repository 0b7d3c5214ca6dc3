import { describe, expect, test } from 'vitest'
import { message } from '../../../transport/fixtures.test-support.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { toRecord, type RecordContent } from '../record-mapping.ts'
import { LetterLog } from './letter-log.ts'
import { kindOf, letterIn, letterRecord, noteRecord, removalRecord } from './letter-record.ts'

function fetched(offset: number, { key, value, headers }: RecordContent): FetchedRecord {
  return { offset: BigInt(offset), timestamp: 5, key: key ?? null, value, headers: [...headers] }
}

const letter = (id: string): RecordContent => letterRecord(message(id), `key of ${id}`)
const removal = (offset: number): RecordContent => removalRecord(Buffer.from(`key ${offset}`), offset)

/** What is said in turn, from offset 10 on, a millisecond apart. */
function logOf(...records: readonly RecordContent[]): LetterLog {
  const log = new LetterLog(10)
  for (const [n, record] of records.entries()) log.learn(fetched(10 + n, record), n)
  return log
}

const there = (log: LetterLog): readonly number[] => log.letters.between(0, Infinity, 100)

describe('a letter', () => {
  test('has a key of its own, and comes back with its message’s', () => {
    const original = message('m1', { key: 'ada', headers: { 'waybill-dead-reason': 'failed' } })
    const record = letterRecord(original, 'letter-1')
    expect(record.key?.toString()).toBe('letter-1')
    expect(letterIn(fetched(1, record))).toEqual({ ...original, body: Buffer.from(original.body) })
  })

  test('without a key comes back without one', () => {
    expect(letterIn(fetched(1, letterRecord(message('m1'), 'letter-1'))).key).toBeUndefined()
  })

  test('with an empty body is no removal', () => {
    expect(kindOf(fetched(1, letterRecord(message('m1', { body: new Uint8Array() }), 'letter-1'))).kind).toBe('letter')
  })

  test('may be an ordinary client’s record', () => {
    expect(kindOf(fetched(1, toRecord(message('m1', { key: 'ada' })))).kind).toBe('letter')
  })
})

describe('LetterLog', () => {
  test('knows the letters that are there', () => {
    const log = logOf(letter('a'), letter('b'), letter('c'), removal(11), letter('d'))
    expect(there(log)).toEqual([10, 12, 14])
    expect(log.position).toBe(15)
  })

  test('takes no notice of removals that came twice, or whose letter the cleaner has taken', () => {
    const log = logOf(letter('a'), removal(10), removal(10), removal(3), letter('b'))
    expect(there(log)).toEqual([14])
  })

  test('forgets what is no longer kept', () => {
    const log = logOf(letter('a'), letter('b'), letter('c'))
    log.trimmed(12)
    expect(there(log)).toEqual([12])
    log.trimmed(20)
    expect([there(log), log.position]).toEqual([[], 20])
  })

  test('tells who has spoken first of letters that are there', () => {
    const log = logOf(letter('a'), letter('b'), noteRecord('one', [10, 11]), noteRecord('two', [11]))
    expect(log.before(13, 'two', [11])).toMatchObject([{ visit: 'one', seenAt: 2 }])
    expect(log.before(12, 'one', [10, 11])).toEqual([])
    expect(log.before(13, 'two', [12])).toEqual([])
  })

  test('once the letter has gone, nobody has', () => {
    const log = logOf(letter('a'), noteRecord('one', [10]), noteRecord('two', [10]), removal(10))
    expect(log.before(12, 'two', [10])).toEqual([])
  })

  test('a visit’s next note takes the place of the one before it, and the last one ends it', () => {
    const log = logOf(letter('a'), letter('b'), noteRecord('one', [10]), noteRecord('one', [11]))
    expect(log.before(20, 'two', [10])).toEqual([])
    expect(log.visits).toEqual(['one'])
    log.learn(fetched(20, noteRecord('one', [])), 0)
    expect(log.visits).toEqual([])
  })

  test('somebody who is gone can be forgotten', () => {
    const log = logOf(letter('a'), noteRecord('one', [10]))
    log.forget('one')
    expect(log.before(20, 'two', [10])).toEqual([])
  })
})
