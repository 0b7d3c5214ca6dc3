import { expect, test } from 'vitest'
import { asDeadLetter, type DeadLetter } from '../../dead-letters/dead-letter.ts'
import { withEdit, withParked, withRedrive } from '../../dead-letters/marks.ts'
import { FAILURE_HEADERS, withFailure } from '../../message/failure.ts'
import { message } from '../../transport/fixtures.test-support.ts'
import { printable, resultLine } from '../shown-text.ts'
import { jsonOf, linesOf, tableOf } from './letter-text.ts'

const at = Date.UTC(2026, 0, 1)
/** Clears the screen, renames the window, and writes from right to left. */
const NASTY = '\u001b[2J\u001b]0;gotcha\u0007 \u202eevil\r\n'

function letterOf(body: Uint8Array, detail = 'no money'): DeadLetter {
  let headers: Readonly<Record<string, string>> = {
    tenant: 'acme',
    [FAILURE_HEADERS.reason]: 'failed',
    [FAILURE_HEADERS.detail]: detail,
    [FAILURE_HEADERS.at]: String(at),
  }
  headers = withFailure(headers, { at, attempt: 1, group: 'till', name: 'Error', message: detail, code: 'E_NO' })
  headers = withRedrive(headers, { at, by: 'ada', run: 'r', reason: 'failed' })
  headers = withEdit(headers, { at, by: 'ada', changed: ['body'], bodyBefore: 'ab12', note: 'typo' })
  headers = withParked(headers, { at, by: 'bob' })
  return asDeadLetter(message('m1', { headers, body, key: 'k' }), () => Promise.reject(new Error('no contract')))
}

test('a table has a row for each, short enough for a line', () => {
  const rows = tableOf([letterOf(Buffer.from('{}')), letterOf(Buffer.from('{}'), 'x'.repeat(200))])
  expect(rows).toHaveLength(3)
  expect(rows[1]).toMatch(/^m1 +2026-01-01T00:00:00.000Z +orders.placed +k +failed \(parked\) +1 +no money$/)
  expect(rows[2]).toMatch(/ x{59}…$/)
})

test('show says everything, and its last lines are the body', async () => {
  const lines = await linesOf(letterOf(Buffer.from('{\n  "n": 1\n}')))
  const text = lines.join('\n')
  for (const wanted of ['no money', 'E_NO', 'header tenant', 'by ada (typo): body', 'sha256 ab12', 'by bob', '1 times'])
    expect(text).toContain(wanted)
  expect(text.endsWith('{\n  "n": 1\n}')).toBe(true)
  expect((await linesOf(letterOf(Uint8Array.of(0xff, 0xfe)))).at(-1)).toBe('//4=')
})

test('what a stranger wrote does not steer the terminal', async () => {
  expect(printable(NASTY)).toBe(String.raw`\u001b[2J\u001b]0;gotcha\u0007 \u202eevil\u000d\u000a`)
  const letter = letterOf(Buffer.from(NASTY), NASTY)
  const shown = [...tableOf([letter]), ...(await linesOf(letter))].join('').replaceAll('\n', '')
  expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})

test('JSON has the body as text or, where it is none, in base 64', () => {
  expect(jsonOf(letterOf(Buffer.from('{}')), false)).not.toHaveProperty('body')
  expect(jsonOf(letterOf(Buffer.from('{}')), true)).toMatchObject({
    id: 'm1',
    bytes: 2,
    body: '{}',
    parked: { by: 'bob' },
  })
  expect(jsonOf(letterOf(Uint8Array.of(0xff)), true)).toMatchObject({ bodyBase64: '/w==' })
})

test('a result names what was refused', () => {
  const refusals = [{ id: 'a', why: 'too old' }]
  expect(resultLine('redriven', 'dead letters', { looked: 3, done: 1, refused: 2, refusals })).toBe(
    'redriven 1 of 3 dead letters; 2 not:\n  a: too old\n  and 1 more',
  )
})
