import { runInNewContext } from 'node:vm'
import { badRequest } from './http-error.ts'

/** What all matches of one request may take together: some patterns would need years. */
const LIMIT_MS = 100

/**
 * Which of the names match a regular expression that somebody sent.
 *
 * @throws {HttpError} 400 when it is none, or takes too long
 */
export function matches(source: string, names: readonly string[]): readonly boolean[] {
  try {
    // A regular expression that runs here cannot be stopped; one in a context of its own can.
    return runInNewContext(
      `{ const pattern = new RegExp(source, 'i'); names.map((name) => pattern.test(name)) }`,
      {
        source,
        names,
      },
      { timeout: LIMIT_MS },
    ) as readonly boolean[] // as the line says
  } catch {
    throw badRequest('Pagination parameters are invalid')
  }
}
