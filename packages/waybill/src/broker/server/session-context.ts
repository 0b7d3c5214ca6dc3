import type { ServerLimits } from './server-limits.ts'

/** The connection, as its channels see it. */
export interface SessionContext {
  readonly limits: ServerLimits
  readonly user: string
  /** Of the user: what they may do besides. */
  readonly tags: readonly string[]
  /** Largest frame that was agreed, overhead included. */
  readonly frameMax: number
  /** Octets that wait for the client to read them. */
  readonly unread: number
  /** What the client said it can do, by RabbitMQ's names. */
  can(capability: string): boolean
  /** Frames were written: they go out at the end of this turn. */
  wrote(): void
  /** Calls `write` once the answers that are pending have been written. */
  afterAnswers(write: () => void): void
  /** A name that nobody else has. */
  uniqueName(prefix: string): string
}
