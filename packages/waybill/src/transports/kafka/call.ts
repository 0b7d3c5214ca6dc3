import type { API, Connection } from './driver.ts'

/**
 * One request and its answer. An answer with error codes in it is an answer: the codes are for the caller to read, where
 * the client would throw.
 */
export async function call<Arguments extends unknown[], Answer>(
  connection: Connection,
  api: API<Arguments, Answer>,
  ...args: Arguments
): Promise<Exclude<Answer, boolean>> {
  try {
    return (await api.async(connection, ...args)) as Exclude<Answer, boolean> // a boolean where no answer was asked for
  } catch (error) {
    if (error instanceof Error && 'response' in error && isAnswer(error.response))
      return error.response as Exclude<Answer, boolean> // the client's ResponseError carries the parsed answer
    throw error
  }
}

function isAnswer(response: unknown): boolean {
  return typeof response === 'object' && response !== null
}
