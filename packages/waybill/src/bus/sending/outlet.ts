import type { AnyContracted } from '../../contract/contract.ts'
import type { Outgoing } from '../../transport/transport.ts'

/** Where a messenger puts what is sent: the broker, or the outbox of a transaction. */
export interface Outlet {
  /** @param timeoutMs how long it may take in all */
  put(contracted: AnyContracted, outgoing: Outgoing, timeoutMs: number, signal: AbortSignal | undefined): Promise<void>
}
