import type { Json } from '../../wire/json.ts'

/** A request that is refused: its status, and the body that RabbitMQ's clients know. */
export class HttpError extends Error {
  readonly status: number
  readonly error: string
  readonly reason: Json

  constructor(status: number, error: string, reason: Json) {
    super(`${status} ${error}: ${typeof reason === 'string' ? reason : JSON.stringify(reason)}`)
    this.status = status
    this.error = error
    this.reason = reason
  }
}

export function badRequest(reason: Json): HttpError {
  return new HttpError(400, 'bad_request', reason)
}

/** What the address names does not exist. */
export function noSuchObject(): HttpError {
  return new HttpError(404, 'Object Not Found', 'Not Found')
}

/** The user is known, and may not do this. RabbitMQ says 401, where others say 403. */
export function notAuthorised(reason: string): HttpError {
  return new HttpError(401, 'not_authorised', reason)
}
