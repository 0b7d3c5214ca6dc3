import { describe, expect, test } from 'vitest'
import { message } from '../transport/fixtures.test-support.ts'
import { headOf, messageOf } from './stored-message.ts'

describe('messageOf()', () => {
  test('reads what headOf() wrote, and the absent stays absent', () => {
    const sent = message('m1', { key: 'a\u0000b', headers: { tenant: 'ünï \u{1F600}' }, replyTo: 'reply:x' })
    expect(messageOf({ head: headOf(sent), body: sent.body })).toEqual(sent)
    const bare = message('m2')
    const read = messageOf({ head: headOf(bare), body: bare.body })
    expect(read).toEqual(bare)
    expect(read.headers).toBe(bare.headers)
  })

  test('the head of a message is text that the server takes: without a NUL', () => {
    expect(headOf(message('m\u0000'))).not.toContain('\u0000')
  })

  test('takes what somebody else wrote as foreign', () => {
    const body = new Uint8Array([1])
    for (const head of ['hello', '7', 'null', '']) {
      expect(messageOf({ head, body })).toMatchObject({ wireVersion: 0, kind: 'document', attempt: 1, id: '' })
    }
  })
})
