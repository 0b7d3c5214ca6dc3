import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { message } from '../message/message-arbitrary.test-support.ts'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import { RemoteFailedError } from '../message/problem.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { command, contract, query } from './contract.ts'
import { decodeReply, encodeFailure, encodeReply, type EncodedReply } from './reply.ts'

const { quote, cancel } = contract('orders', {
  quote: query(z.object({ sku: z.string() }), z.object({ at: z.coerce.date() })),
  cancel: command(z.object({ id: z.string() })),
})
const wireOf = (reply: EncodedReply): WireMessage => message({ kind: 'reply', type: 'orders.quote.reply', ...reply })
const failure = async (error: unknown): Promise<RemoteFailedError> => {
  try {
    await decodeReply(quote, wireOf(encodeFailure(error)))
  } catch (thrown) {
    return thrown as RemoteFailedError
  }
  throw new Error('it did not reject')
}

describe('encodeReply() and decodeReply()', () => {
  it('give back a reply', async () => {
    const encoded = await encodeReply(quote, { at: new Date(0) })
    expect(encoded.contentType).toBe('application/json')
    expect(await decodeReply(quote, wireOf(encoded))).toEqual({ at: new Date(0) })
  })

  it('say only that it was handled where no reply is declared', async () => {
    const encoded = await encodeReply(cancel, { ignored: true })
    expect(encoded.body.byteLength).toBe(0)
    expect(await decodeReply(cancel, wireOf(encoded))).toBeUndefined()
  })

  it('refuse a reply that does not match, at both ends', async () => {
    expect(() => encodeReply(quote, { at: 'never' })).toThrow(/the reply to orders.quote: at: /)
    const wrong = message({ type: 'orders.quote.reply', body: new TextEncoder().encode('{"at":"never"}') })
    await expect(decodeReply(quote, wrong)).rejects.toThrow(
      expect.objectContaining({ code: 'WAYBILL_INVALID_MESSAGE' }),
    )
  })

  it('do not guess at a newer wire format', async () => {
    await expect(decodeReply(quote, message({ wireVersion: 2 }))).rejects.toThrow(
      expect.objectContaining({ code: 'WAYBILL_UNKNOWN_TYPE' }),
    )
  })
})

describe('encodeFailure()', () => {
  it('tells name, message and code, and reads as a problem detail', async () => {
    const error = Object.assign(new RangeError('too much'), { code: 'CARD_DECLINED' })
    const encoded = encodeFailure(error)
    expect(encoded.contentType).toBe('application/problem+json')
    expect(encoded.headers).toEqual({ 'waybill-outcome': 'failed' })
    expect(JSON.parse(new TextDecoder().decode(encoded.body))).toEqual({
      title: 'RangeError',
      detail: 'too much',
      code: 'CARD_DECLINED',
    })
    const thrown = await failure(error)
    expect(isWaybillError(thrown, 'WAYBILL_REMOTE_FAILED')).toBe(true)
    expect(thrown.remote).toEqual({ name: 'RangeError', message: 'too much', code: 'CARD_DECLINED' })
    expect(thrown.message).toContain('orders.quote failed in /checkout: RangeError (CARD_DECLINED): too much')
  })

  it('never tells the stack, and cuts long texts', async () => {
    const long = new WaybillError('WAYBILL_HANDLER_FAILED', '💥'.repeat(5_000))
    const encoded = encodeFailure(long)
    expect(new TextDecoder().decode(encoded.body)).not.toContain('.ts:')
    expect((await failure(long)).remote.message.length).toBeLessThanOrEqual(1_000)
  })

  it.each([
    ['text', 'string', 'text'],
    [undefined, 'undefined', 'undefined'],
    [42, 'number', '42'],
    [{ message: 'x' }, 'object', '[object Object]'],
  ])('tells a thrown %j', async (thrown, name, text) => {
    expect((await failure(thrown)).remote).toEqual({ name, message: text, code: undefined })
  })

  it.each(['', 'not JSON', '[]', 'null', '{"title":1}'])('is understood as failed even as %j', async (text) => {
    const wire = message({ headers: { 'waybill-outcome': 'failed' }, body: new TextEncoder().encode(text) })
    await expect(decodeReply(quote, wire)).rejects.toBeInstanceOf(RemoteFailedError)
  })
})
