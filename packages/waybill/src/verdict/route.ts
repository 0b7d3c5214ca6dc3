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
  /** What may hold its handler back although a slot is free. */
  readonly restraints?: Restraints
  /** Of a service with a store: its handlers run in a transaction, which notes what they have handled. */
  readonly inbox?: Inbox
}

export interface Restraints {
  /** The name of the circuit breaker that pauses it. */
  readonly breaker?: string | undefined
  readonly rate?: { readonly limit: number; readonly perMs: number; readonly isPerKey: boolean } | undefined
  readonly bulkhead?: number | undefined
  /** Messages of a batch. */
  readonly batch?: number | undefined
}

/** Of the time in which the engine wants a delivery settled, so much may pass until its handler begins; then it is put off. */
export const WAIT_SHARE = 0.5

export interface Inbox {
  readonly rememberedMs: number
  /** Of a dead letter, before it is redriven or thrown away. */
  readonly deadLetterLifeMs: number
  /** The handler says itself what makes two messages the same. */
  readonly byBusinessKey: boolean
}

/** What the engine says of a route. */
export interface Facts {
  readonly engine: EngineFacts
  readonly route: RouteFacts
}

/** An event that is not stored. */
export function isSignal({ channel: { kind } }: Pick<AnyContracted, 'channel'>): boolean {
  return kind === 'signals'
}

/** A question: who asked decides whether to ask again, and nothing of it is kept. */
export function isQuestion({ role, message: { kind } }: Pick<Route, 'role' | 'message'>): boolean {
  return role !== 'reply' && (kind === 'query' || kind === 'survey')
}

/** The longest time after which a message may come again: all its tries, and its life among the dead letters. */
export function comesAgainWithinMs(
  route: Pick<Route, 'role' | 'message' | 'retry' | 'timeoutMs'>,
  inbox: Inbox,
): number {
  const { attempts, waitsMs } = route.retry
  return attempts * route.timeoutMs + waitsMs.most + (isQuestion(route) ? 0 : inbox.deadLetterLifeMs)
}
