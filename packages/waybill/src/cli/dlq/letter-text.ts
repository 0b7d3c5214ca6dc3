// Dead letters for people and for programs.
import type { DeadLetter } from '../../dead-letters/dead-letter.ts'
import { bodyJson, bodyText, factLines, tableLines, type Columns, type Fact } from '../shown-text.ts'

const COLUMNS: Columns<DeadLetter> = [
  ['ID', ({ id }) => id],
  ['DIED', ({ diedAt }) => diedAt?.toISOString() ?? ''],
  ['TYPE', ({ type }) => type],
  ['KEY', ({ key }) => key ?? ''],
  ['REASON', ({ reason, parked }) => `${reason ?? ''}${parked === undefined ? '' : ' (parked)'}`],
  ['REDRIVEN', ({ redriven }) => String(redriven.count)],
  ['DETAIL', ({ detail }) => detail],
]

export function tableOf(letters: readonly DeadLetter[]): readonly string[] {
  return tableLines(COLUMNS, letters)
}

/** Everything about one. */
export async function linesOf(letter: DeadLetter): Promise<readonly string[]> {
  const { reason, diedAt, parked, message } = letter
  const facts: readonly Fact[] = [
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
  return [...factLines(facts), bodyText(letter.bytes)]
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

function by({ at, by: who, note }: { readonly at: number; readonly by: string; readonly note?: string }): string {
  return `${new Date(at).toISOString()} by ${who}${note === undefined ? '' : ` (${note})`}`
}
