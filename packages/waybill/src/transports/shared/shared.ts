import { durationMs, type Duration } from '../../runtime/duration.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'

export interface SharedOptions {
  readonly dir: string
  /** The broker ends when no service has been connected for so long. Default 30 s, at least 100 ms. The service that starts it decides. */
  readonly idleTimeout?: Duration
  /** A stopped broker is noticed after two of them. Default {@link DEFAULT_HEARTBEAT_SECONDS}. */
  readonly heartbeatSeconds?: number
}

export const DEFAULT_HEARTBEAT_SECONDS = 5
/** A service that has found the broker needs a moment to connect. */
const LEAST_IDLE_MS = 100
/**
 * The broker of a folder, in a process of its own that the services of this machine share, and start when it is away.
 *
 * @throws {TypeError} when the folder has no name or the time is too short
 */
export function shared({
  dir,
  idleTimeout = '30s',
  heartbeatSeconds = DEFAULT_HEARTBEAT_SECONDS,
}: SharedOptions): TransportFactory {
  const idleMs = durationMs(idleTimeout)
  if (dir === '') throw new TypeError('dir must name a folder')
  if (idleMs < LEAST_IDLE_MS) throw new TypeError(`idleTimeout must be ${LEAST_IDLE_MS} ms or longer`)
  return async (runtime) => {
    const { folderTransport } = await import('./shared-transport.ts')
    return folderTransport({ dir, idleMs, heartbeatSeconds }, runtime)
  }
}
