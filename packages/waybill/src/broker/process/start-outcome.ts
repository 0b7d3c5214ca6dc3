// What a broker process tells who started it, as one line of JSON on a pipe: that it serves, or the very error it met.
import { ERROR_CODES, type ErrorCode } from '../../message/error-codes.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'

export type StartOutcome =
  { readonly type: 'ready'; readonly instance: string } | { readonly type: 'failed'; readonly error: Error }

/** The file descriptor of the pipe, in the broker process. */
export const OUTCOME_FD = 3
/** Longer than any outcome. */
export const MAX_OUTCOME_BYTES: number = 64 * 1024

export function formatOutcome(outcome: StartOutcome): string {
  if (outcome.type === 'ready') return `${JSON.stringify(outcome)}\n`
  const { error } = outcome
  const told = isWaybillError(error)
    ? { type: 'failed', code: error.code, what: whatOf(error), cure: error.cure }
    : { type: 'failed', what: error.stack ?? String(error) }
  return `${JSON.stringify(told)}\n`
}

/** `undefined` when the line is no outcome. */
export function parseOutcome(line: string): StartOutcome | undefined {
  let told: Readonly<Record<string, unknown>>
  try {
    told = Object(JSON.parse(line)) as Readonly<Record<string, unknown>> // of a primitive: an object without the fields
  } catch {
    return undefined
  }
  const { type, instance, code, what, cure } = told
  if (type === 'ready' && typeof instance === 'string') return { type, instance }
  if (type !== 'failed' || typeof what !== 'string') return undefined
  if (typeof code !== 'string' || !isCode(code)) return { type, error: new Error(what) }
  return { type, error: new WaybillError(code, what, typeof cure === 'string' ? { cure } : {}) }
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}

/** What happened, without the code, cause and cure that are written around it. */
function whatOf({ code, message }: WaybillError): string {
  const end = message.lastIndexOf('\n  likely cause: ')
  return message.slice(message.startsWith(`${code}: `) ? code.length + 2 : 0, end === -1 ? undefined : end)
}
