import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyMessage, message } from '../../message/message-arbitrary.test-support.ts'
import { fromRecord, sizeOf, toRecord, type RecordContent } from './record-mapping.ts'

const received = ({ key, value, headers }: RecordContent) => ({ key: key ?? null, value, headers: [...headers] })
const texts = ({ headers }: RecordContent): Record<string, string> =>
  Object.fromEntries([...headers].map(([name, value]) => [name.toString(), value.toString()]))

describe('toRecord()', () => {
  test('writes a CloudEvent in binary mode: ce_ attributes, content-type, the key as the key', () => {
    const record = toRecord(message({ key: 'order-1', headers: { tenant: 'acme' } }))
    expect(record.key?.toString()).toBe('order-1')
    expect(texts(record)).toMatchObject({ ce_specversion: '1.0', ce_id: message().id, tenant: 'acme' })
    expect(texts(record)['content-type']).toBe(message().contentType)
    expect(texts(record)).not.toHaveProperty('ce_partitionkey')
    expect(texts(record)).not.toHaveProperty('ce_datacontenttype')
  })

  test('tells no key from an empty one', () => {
    expect(toRecord(message({ key: undefined })).key).toBeUndefined()
    expect(toRecord(message({ key: '' })).key).toHaveLength(0)
  })

  test('comes back as it was', () => {
    fc.assert(
      fc.property(anyMessage, (sent) => {
        const { body, headers, ...rest } = fromRecord(received(toRecord(sent)), 0)
        const { body: sentBody, headers: sentHeaders, ...sentRest } = sent
        expect(rest).toEqual(sentRest)
        expect({ ...headers }).toEqual({ ...sentHeaders })
        expect(Buffer.from(body).equals(sentBody)).toBe(true)
      }),
    )
  })

  test('sizeOf() is no less than key, value and headers', () => {
    const record = toRecord(message({ key: 'abc', headers: { tenant: 'acme' }, body: new Uint8Array(1_000) }))
    const bytes = [...record.headers].reduce((sum, [name, value]) => sum + name.length + value.length, 1_003)
    expect(sizeOf(record)).toBeGreaterThanOrEqual(bytes)
  })
})

describe('fromRecord()', () => {
  test('reads an ordinary client’s record: foreign, a document, dated by the log', () => {
    const headers = [[Buffer.from('trace'), Buffer.from('1')]] as const
    expect(fromRecord({ key: Buffer.from('k'), value: Buffer.from('hello'), headers }, 42)).toMatchObject({
      id: '', type: '', kind: 'document', wireVersion: 0, time: 42, key: 'k', headers: { trace: '1' },
    }) // prettier-ignore
  })

  test('reads a record without value, and headers without one', () => {
    const read = fromRecord({ key: null, value: null, headers: [[Buffer.from('x'), null]] }, 0)
    expect(read.body).toHaveLength(0)
    expect(read.headers).toEqual({})
  })

  test('keeps what is no number from being taken for one', () => {
    const headers = [
      [Buffer.from('ce_waybillattempt'), Buffer.from('many')],
      [Buffer.from('ce_expirytime'), Buffer.from('tomorrow')],
      [Buffer.from('ce_sequence'), Buffer.from('1e3')],
    ] as const
    expect(fromRecord({ key: null, value: null, headers }, 0)).toMatchObject({
      attempt: 1,
      expiresAt: undefined,
      sequence: undefined,
    })
  })
})
