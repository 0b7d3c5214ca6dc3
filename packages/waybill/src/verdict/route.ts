import type { AnyContracted } from '../contract/contract.ts'
import type { EngineFacts, RouteFacts } from '../transport/engine-facts.ts'
import type { Group, StartPosition } from '../transport/transport.ts'

/** A registered handler with its options, defaults filled in. */
export interface Route {
  readonly role: 'on' | 'answer' | 'reply'
  /** Of a reply handler: the request. */
  readonly message: AnyContracted
  readonly service: string
  readonly group: Group
  readonly transient: boolean
  readonly start: StartPosition
  /** Of the subscription, which handlers share. */
  readonly concurrency: number
  readonly prefetch: number
  readonly skipUnknownTypes: boolean
  readonly skipUnknownVersions: boolean
  readonly timeoutMs: number
  readonly retry: {
    readonly attempts: number
    readonly longestMs: number
    readonly waitsMs: { readonly least: number; readonly most: number }
  }
  readonly maxDeliveries: number
}

/** What the engine says of a route. */
export interface Facts {
  readonly engine: EngineFacts
  readonly route: RouteFacts
}

/** A question: who asked decides whether to ask again, and nothing of it is kept. */
export function isQuestion({ role, message: { kind } }: Pick<Route, 'role' | 'message'>): boolean {
  return role !== 'reply' && (kind === 'query' || kind === 'survey')
}
