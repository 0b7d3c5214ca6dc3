import type { Broker } from '../broker.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { HandshakeOptions } from './handshake.ts'
import type { ServerLimits } from './server-limits.ts'
import type { UnfinishedBodies } from './unfinished-bodies.ts'

/** What a session needs from the socket it speaks through. */
export interface SessionHost {
  readonly broker: Broker
  readonly runtime: Runtime
  readonly handshake: HandshakeOptions
  readonly limits: ServerLimits
  /** Whether one more connection may be open. */
  readonly hasRoom: boolean
  readonly unfinished: UnfinishedBodies
  /** Octets that wait for the client to read them. */
  readonly unread: number
  /** There are frames to take. */
  wrote(): void
  /** Whether nothing is to be read for now. */
  suspended(isSuspended: boolean): void
  /** The heartbeat interval was agreed on; 0 is none. */
  tuned(heartbeatSeconds: number): void
  /** The handshake is done. */
  opened(): void
  /** The client is to say close-ok, and has only so long for it. */
  closing(): void
  /** Writes what there is, then ends the connection; after `delayMs`, which a peer that guesses passwords has to wait. */
  end(delayMs: number): void
  /** An error of our own, which has cost this client its connection. */
  trouble(error: unknown): void
}
