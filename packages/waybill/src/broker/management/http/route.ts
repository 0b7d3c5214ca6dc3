import type { ManagementUser, Needs } from '../management-user.ts'
import type { JsonFields } from './json-fields.ts'
import type { Reply } from './reply.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** The names after `:` in the pattern of a route, each a text. */
export type Params<Pattern extends string> = Pattern extends `${infer Head}/${infer Rest}`
  ? Params<Head> & Params<Rest>
  : Pattern extends `:${infer Name}`
    ? { readonly [name in Name]: string }
    : unknown

export interface ManagementRequest<P = unknown> {
  /** Of the path, percent-decoded. */
  readonly params: P
  readonly query: URLSearchParams
  readonly user: ManagementUser
  header(name: string): string | undefined
  /**
   * The body as an object; an empty body is an empty one. At most 1 MiB, unless the route allows more.
   *
   * @throws {HttpError} 400 when it is no JSON object, 413 when it is too long
   */
  body(): Promise<JsonFields>
}

export type Handler<P> = (request: ManagementRequest<P>) => Reply | Promise<Reply>

export interface Route {
  readonly method: Method
  /** Segments, some of which begin with `:` and take any text. */
  readonly pattern: string
  readonly needs: Needs
  readonly handle: Handler<Readonly<Record<string, string>>>
  readonly maxBodyBytes: number
}

const MAX_BODY_BYTES = 1024 * 1024

export interface RouteOptions {
  /** Who may ask: the least of the user's tags. Default `management`. */
  readonly needs?: Needs
  readonly maxBodyBytes?: number
}

export function route<Pattern extends string>(
  method: Method,
  pattern: Pattern,
  handle: Handler<Params<Pattern>>,
  { needs = 'management', maxBodyBytes = MAX_BODY_BYTES }: RouteOptions = {},
): Route {
  // The router gives a value for each name in the pattern, which are those of `Params<Pattern>`.
  return { method, pattern, needs, handle: handle as Route['handle'], maxBodyBytes }
}
