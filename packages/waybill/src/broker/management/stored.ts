import { ANYTHING } from '../access/guard.ts'
import type { Connection } from '../connection.ts'
import type { Durable } from '../store/message-log.ts'
import type { Entered } from './virtual-host-access.ts'

/**
 * Runs a call of the broker; resolves once what it changed is on the disk.
 *
 * @throws {ReplyError} what the broker refuses
 */
export function stored(act: (done: Durable) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => (error === undefined ? resolve() : reject(error)))
  })
}

/** The same for what a connection does, by a user's leave. */
export function storedBy(
  { host, guard = ANYTHING }: Pick<Entered, 'host'> & Partial<Entered>,
  act: (connection: Connection, done: Durable) => void,
): Promise<void> {
  const connection = host.connect(guard)
  try {
    return stored((done) => act(connection, done))
  } finally {
    connection.close()
  }
}
