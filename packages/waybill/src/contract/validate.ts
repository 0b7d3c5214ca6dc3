import type { StandardSchemaV1 } from '@standard-schema/spec'
import { WaybillError } from '../message/errors.ts'
import type { Schema } from './body-type.ts'

/** What is wrong, and where. */
export interface Issue {
  /** `items[2].price`; `''` for the body itself. */
  readonly path: string
  readonly message: string
}

/** A body that does not match its schema. Holds what the schema said, nothing else of the body. */
export class InvalidMessageError extends WaybillError {
  /** At most {@link MAX_ISSUES}. */
  readonly issues: readonly Issue[]

  constructor(what: string, issues: readonly Issue[], more: number, cause?: unknown) {
    const list = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
    super('WAYBILL_INVALID_MESSAGE', `${what}: ${list}${more > 0 ? `; and ${more} more` : ''}`, { cause })
    this.issues = issues
  }
}

/** Enough to see what is wrong: an array of a million bad items is one mistake. */
export const MAX_ISSUES = 16
const MAX_ISSUE_LENGTH = 200
const MAX_PATH_LENGTH = 200

/**
 * What `schema` makes of `value`; a promise only where the schema is asynchronous.
 *
 * @throws {InvalidMessageError} `WAYBILL_INVALID_MESSAGE`
 */
export function validate(schema: Schema | undefined, value: unknown, what: string): unknown {
  if (schema === undefined) return value
  let result: StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    throw threw(what, error)
  }
  if (!(result instanceof Promise)) return valueOf(result, what)
  return result.then(
    (settled) => valueOf(settled, what),
    (error: unknown) => {
      throw threw(what, error)
    },
  )
}

function valueOf(result: StandardSchemaV1.Result<unknown>, what: string): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: pathText(issue.path ?? []),
    message: cut(issue.message, MAX_ISSUE_LENGTH),
  }))
  throw new InvalidMessageError(what, issues, result.issues.length - issues.length)
}

/** A refinement or a transformation of the user's met a value that it did not expect. */
function threw(what: string, cause: unknown): InvalidMessageError {
  return new InvalidMessageError(what, [{ path: '', message: 'its schema threw an error' }], 0, cause)
}

function pathText(path: ReadonlyArray<PropertyKey | StandardSchemaV1.PathSegment>): string {
  let text = ''
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment
    text += typeof key === 'number' ? `[${key}]` : text === '' ? String(key) : `.${String(key)}`
    if (text.length > MAX_PATH_LENGTH) break
  }
  return cut(text, MAX_PATH_LENGTH)
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}
