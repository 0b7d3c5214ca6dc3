// The body of an error reply: a problem detail, RFC 9457, so that any language's client can read it.
//
//   content type   application/problem+json
//   header         waybill-outcome: failed
//   title          name of the error: CardDeclined
//   detail         its message
//   code           its code, where it has one (an extension member, section 3.2)
//
// `type` is left out, which means about:blank; `status` is, because there is no HTTP exchange. Never a stack.
import { asText } from './as-error.ts'
import { WaybillError } from './errors.ts'
import { MAX_FAILURE_TEXT } from './failure.ts'
import { NO_HEADERS, type Headers } from './wire-message.ts'

export const PROBLEM_CONTENT_TYPE = 'application/problem+json'
/** `failed` on a reply whose body is a problem; absent on any other. */
export const OUTCOME_HEADER = 'waybill-outcome'
const FAILED: Headers = Object.freeze({ ...NO_HEADERS, [OUTCOME_HEADER]: 'failed' })

/** Longest name or code, in characters: both are identifiers. */
const MAX_NAME_LENGTH = 128
/** A problem of ours has at most a few KiB; a larger one is not read. */
const MAX_PROBLEM_BYTES = 64 * 1_024

/** An error as the other service told it. */
export interface RemoteFailure {
  readonly name: string
  readonly message: string
  readonly code: string | undefined
}

/** The handler of a request failed in the other service. */
export class RemoteFailedError extends WaybillError {
  readonly remote: RemoteFailure

  constructor(what: string, remote: RemoteFailure) {
    const code = remote.code === undefined ? '' : ` (${remote.code})`
    super('WAYBILL_REMOTE_FAILED', `${what}: ${remote.name}${code}: ${remote.message}`)
    this.remote = remote
  }
}

/** The reply that tells the requester of `error`. Texts are cut at 1,000 characters. */
export function encodeProblem(error: unknown): { body: Uint8Array; contentType: string; headers: Headers } {
  const { name, message, code } = describe(error)
  const problem = { title: name, detail: message, ...(code === undefined ? {} : { code }) }
  return { body: utf8.encode(JSON.stringify(problem)), contentType: PROBLEM_CONTENT_TYPE, headers: FAILED }
}

/** Reads any sender's problem detail. What cannot be read is said so in `message`: the request failed all the same. */
export function decodeProblem(body: Uint8Array): RemoteFailure {
  const problem = body.byteLength > MAX_PROBLEM_BYTES ? undefined : parse(body)
  if (problem === undefined) return { name: 'Error', message: 'the error reply cannot be read', code: undefined }
  return {
    name: text(problem['title'], MAX_NAME_LENGTH) ?? 'Error',
    message: text(problem['detail'], MAX_FAILURE_TEXT) ?? 'no detail given',
    code: text(problem['code'], MAX_NAME_LENGTH),
  }
}

function describe(error: unknown): RemoteFailure {
  if (!(error instanceof Error))
    return { name: typeof error, message: cut(asText(error), MAX_FAILURE_TEXT), code: undefined }
  return {
    name: text(error.name, MAX_NAME_LENGTH) ?? 'Error',
    message: text(error.message, MAX_FAILURE_TEXT) ?? '',
    code: 'code' in error ? text(error.code, MAX_NAME_LENGTH) : undefined,
  }
}

function parse(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const problem: unknown = JSON.parse(utf8Text.decode(body))
    return typeof problem === 'object' && problem !== null ? (problem as Record<string, unknown>) : undefined
  } catch {
    // Not JSON: the caller says so in the failure it reports.
    return undefined
  }
}

function text(value: unknown, limit: number): string | undefined {
  return typeof value === 'string' ? cut(value, limit) : undefined
}

function cut(value: string, limit: number): string {
  return value.slice(0, limit).toWellFormed()
}

const utf8 = new TextEncoder()
const utf8Text = new TextDecoder()
