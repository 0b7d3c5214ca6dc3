import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'
import { isWaybillError, WaybillError } from './errors.ts'

const SOURCE = fileURLToPath(new URL('..', import.meta.url))
const codes = Object.keys(ERROR_CODES) as ErrorCode[]

/** The program without the catalogue itself and without tests. */
const program = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/(?:\.test|\.test-d|\.test-support|error-codes)\.ts$/.test(name))
  .map((name) => readFileSync(join(SOURCE, name), 'utf8'))
  .join('\n')

/** Promised by the catalogue for parts that are not built yet; a code leaves this list with its first use. */
const NOT_YET: readonly ErrorCode[] = ['WAYBILL_HANDLER_FAILED']

describe('ERROR_CODES', () => {
  it.each(codes)('%s has a cause and a cure that end with a full stop, and a scope', (code) => {
    const { cause, cure, scope } = ERROR_CODES[code]
    expect(code).toMatch(/^WAYBILL_[A-Z]+(_[A-Z]+)*$/)
    expect(cause).toMatch(/^[A-Z].{10,}\.$/)
    expect(cure).toMatch(/^[A-Z].{10,}\.$/)
    expect(['message', 'subscription', 'connection', 'configuration']).toContain(scope)
  })

  it('say each thing once', () => {
    expect(new Set(codes.map((code) => ERROR_CODES[code].cause)).size).toBe(codes.length)
  })

  it.each(codes.filter((code) => !NOT_YET.includes(code)))('%s is used', (code) => {
    expect(program.includes(`'${code}'`)).toBe(true)
  })

  it.each(NOT_YET)('%s is still not used', (code) => {
    expect(program.includes(`'${code}'`)).toBe(false)
  })
})

describe('WaybillError', () => {
  it('says code, what, cause and cure', () => {
    const native = new Error('ECONNREFUSED')
    const error = new WaybillError('WAYBILL_NOT_CONNECTED', 'no answer from host:5672', { cause: native })
    expect(error.message).toBe(
      'WAYBILL_NOT_CONNECTED: no answer from host:5672\n' +
        '  likely cause: The link to the broker is down, or was never up.\n' +
        '  cure: Check that the broker runs and can be reached; Waybill reconnects by itself.',
    )
    expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED', scope: 'connection', cause: native })
  })

  it('takes a better cure', () => {
    expect(new WaybillError('WAYBILL_LIMIT', 'x', { cure: 'Do this.' }).cure).toBe('Do this.')
  })

  it('isWaybillError() knows it by its code, also from another copy of the package', () => {
    const copy = Object.assign(new Error('x'), { code: 'WAYBILL_LIMIT' })
    expect(isWaybillError(copy)).toBe(true)
    expect(isWaybillError(copy, 'WAYBILL_LIMIT')).toBe(true)
    expect(isWaybillError(copy, 'WAYBILL_CLOSED')).toBe(false)
    expect(isWaybillError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false)
    expect(isWaybillError({ code: 'WAYBILL_LIMIT' })).toBe(false)
    expect(isWaybillError(undefined)).toBe(false)
  })
})
