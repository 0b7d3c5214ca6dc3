// Dead letters for people and for programs. What a stranger wrote is never sent to a terminal as it is.
import type { DeadLetter } from '../../dead-letters/dead-letter.ts'
import type { DeadLetterResult } from '../../dead-letters/walk.ts'

/** Characters of one column of the table. */
const WIDEST = 60
/** Bytes of a body that `show` prints. */
const MOST_BYTES = 64 * 1_024

const COLUMNS: readonly (readonly [title: string, of: (letter: DeadLetter) => string])[] = [
  ['ID', ({ id }) => id],
  ['DIED', ({ diedAt }) => diedAt?.toISOString() ?? ''],
  ['TYPE', ({ type }) => type],
  ['KEY', ({ key }) => key ?? ''],
  ['REASON', ({ reason, parked }) => `${reason ?? ''}${parked === undefined ? '' : ' (parked)'}`],
  ['REDRIVEN', ({ redriven }) => String(redriven.count)],
  ['DETAIL', ({ detail }) => detail],
]

export function tableOf(letters: readonly DeadLetter[]): readonly string[] {
  const rows = [COLUMNS.map(([title]) => title), ...letters.map((letter) => COLUMNS.map(([, of]) => short(of(letter))))]
  const widths = COLUMNS.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Everything about one. */
export async function linesOf(letter: DeadLetter): Promise<readonly string[]> {
  const { reason, diedAt, parked, message } = letter
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['id', letter.id],
    ['type', `${letter.type} (${letter.kind}, version ${letter.schemaVersion})`],
    ['key', letter.key],
    ['source', message.source],
    ['made', letter.time.toISOString()],
    ['died', diedAt?.toISOString()],
    ['reason', reason],
    ['detail', letter.detail],
    ['attempt', String(letter.attempt)],
    ['correlation', message.correlationId],
    ['caused by', message.causationId],
    ['expires', message.expiresAt === undefined ? undefined : new Date(message.expiresAt).toISOString()],
    ['parked', parked === undefined ? undefined : by(parked)],
    ['redriven', letter.redriven.count === 0 ? undefined : `${letter.redriven.count} times`],
    ...letter.redriven.times.map((each) => ['', `${by(each)}${each.reason === undefined ? '' : `, after: ${each.reason}`}`] as const),
    ...letter.edits.map((each) => ['edited', `${by(each)}: ${each.changed.join(', ')}; body before: sha256 ${each.bodyBefore}`] as const),
    ...letter.failures.map((each) => [`failure ${each.attempt}`, `${new Date(each.at).toISOString()} in ${each.group}: ${each.name}${each.code === undefined ? '' : ` (${each.code})`}: ${each.message}`] as const),
    ...Object.entries(letter.headers).map(([name, value]) => [`header ${name}`, value] as const),
    ['body', `${letter.bytes.byteLength} bytes, ${letter.contentType === '' ? 'no content type' : letter.contentType}`],
  ] // prettier-ignore
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(12)} ${printable(value)}`],
  )
  return [...lines, bodyText(letter.bytes)]
}

/** One JSON value; with `withBody`, its bytes as text or, where they are none, in base 64. */
export function jsonOf(letter: DeadLetter, withBody: boolean): object {
  const { id, type, kind, key, schemaVersion, contentType, attempt, reason, detail, failures, edits, redriven } = letter
  const { source, correlationId, causationId, expiresAt, replyTo, traceparent } = letter.message
  return {
    id, type, kind, key, source, time: letter.time.toISOString(), schemaVersion, contentType,
    diedAt: letter.diedAt?.toISOString(), reason, detail, attempt, failures, edits, redriven, parked: letter.parked,
    correlationId, causationId, expiresAt, replyTo, traceparent, headers: letter.headers,
    bytes: letter.bytes.byteLength,
    ...(withBody ? bodyJson(letter.bytes) : {}),
  } // prettier-ignore
}

export function resultLine(what: string, { looked, done, refused, refusals }: DeadLetterResult): string {
  const why = refusals.map(({ id, why: reason }) => `\n  ${printable(id)}: ${printable(reason)}`)
  const more = refused > refusals.length ? `\n  and ${refused - refusals.length} more` : ''
  const not = refused === 0 ? '' : `; ${refused} not:${why.join('')}${more}`
  return `${what} ${done} of ${looked} dead letters${not}`
}

/** Escaped as JSON would: a control character in a message must not steer the terminal. */
export function printable(text: string): string {
  const escaped = (character: string): string => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
  // Controls, what turns the direction of writing, and separators of lines.
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}

function by({ at, by: who, note }: { readonly at: number; readonly by: string; readonly note?: string }): string {
  return `${new Date(at).toISOString()} by ${who}${note === undefined ? '' : ` (${note})`}`
}

function short(text: string): string {
  const shown = printable(text)
  return shown.length > WIDEST ? `${shown.slice(0, WIDEST - 1)}…` : shown
}

function bodyText(bytes: Uint8Array): string {
  const part = bytes.subarray(0, MOST_BYTES)
  const rest = bytes.byteLength > MOST_BYTES ? `\n… and ${bytes.byteLength - MOST_BYTES} bytes more` : ''
  const text = textOf(part)
  if (text === undefined) return `${Buffer.from(part).toString('base64')}${rest}`
  return `${text.split('\n').map(printable).join('\n')}${rest}`
}

function bodyJson(bytes: Uint8Array): object {
  const text = textOf(bytes)
  return text === undefined ? { bodyBase64: Buffer.from(bytes).toString('base64') } : { body: text }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Not UTF-8: it is shown otherwise.
    return undefined
  }
}
