// Text of commands, for people. What a stranger wrote is never sent to a terminal as it is.

/** Characters of one column of a table. */
const WIDEST = 60
/** Bytes of a body that are printed. */
const MOST_BYTES = 64 * 1_024

/** Titles of a table, and what stands under them. */
export type Columns<Row> = readonly (readonly [title: string, of: (row: Row) => string])[]
/** A line with a name in front; none where it is `undefined`. */
export type Fact = readonly [name: string, value: string | undefined]

export function tableLines<Row>(columns: Columns<Row>, of: readonly Row[]): readonly string[] {
  const rows = [columns.map(([title]) => title), ...of.map((row) => columns.map(([, cell]) => short(cell(row))))]
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

export function factLines(facts: readonly Fact[]): readonly string[] {
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(12)} ${printable(value)}`]))
}

export interface Result {
  readonly looked: number
  readonly done: number
  readonly refused: number
  /** Of some. */
  readonly refusals: readonly { readonly id: string; readonly why: string }[]
}

/** @param of what was looked at: `dead letters` */
export function resultLine(what: string, of: string, { looked, done, refused, refusals }: Result): string {
  const why = refusals.map(({ id, why: reason }) => `\n  ${printable(id)}: ${printable(reason)}`)
  const more = refused > refusals.length ? `\n  and ${refused - refusals.length} more` : ''
  const not = refused === 0 ? '' : `; ${refused} not:${why.join('')}${more}`
  return `${what} ${done} of ${looked} ${of}${not}`
}

/** Escaped as JSON would: a control character in a message must not steer the terminal. */
export function printable(text: string): string {
  const escaped = (character: string): string => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
  // Controls, what turns the direction of writing, and separators of lines.
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}

function short(text: string): string {
  const shown = printable(text)
  return shown.length > WIDEST ? `${shown.slice(0, WIDEST - 1)}…` : shown
}

export function bodyText(bytes: Uint8Array): string {
  const part = bytes.subarray(0, MOST_BYTES)
  const rest = bytes.byteLength > MOST_BYTES ? `\n… and ${bytes.byteLength - MOST_BYTES} bytes more` : ''
  const text = textOf(part)
  if (text === undefined) return `${Buffer.from(part).toString('base64')}${rest}`
  return `${text.split('\n').map(printable).join('\n')}${rest}`
}

/** As text or, where it is none, in base 64. */
export function bodyJson(bytes: Uint8Array): object {
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
