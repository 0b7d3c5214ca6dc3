import type { Failure } from '../sql/executor.ts'

/** Numbers of errors, alike in MySQL and MariaDB. @see https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html */
const DENIED: ReadonlySet<number> = new Set([1044, 1045, 1142, 1143, 1227, 1370, 1698])
const MISSING: ReadonlySet<number> = new Set([1049, 1146])
/** Shut down, error during commit, killed, idle for too long. */
const LOST: ReadonlySet<number> = new Set([1053, 1180, 1927, 4031])
/** Waited too long for a lock; deadlock. */
const CONFLICT: ReadonlySet<number> = new Set([1205, 1213])
/** Most links of a chain of causes that are looked at. */
const MOST_CAUSES = 8

/** By the server's answer, which may be the cause of a query builder's error. */
export function mysqlFailure(error: unknown): Failure {
  let each = error
  for (let n = 0; n < MOST_CAUSES && each instanceof Error; n++, each = each.cause) {
    const { errno: number, sqlState: state } = each as { readonly errno?: unknown; readonly sqlState?: unknown }
    // The driver has numbers, too, for what the system says of sockets.
    if (typeof number !== 'number' || typeof state !== 'string' || state === '') continue
    if (LOST.has(number) || state.startsWith('08')) return 'lost'
    if (CONFLICT.has(number)) return 'conflict'
    if (DENIED.has(number)) return 'denied'
    return MISSING.has(number) ? 'missing' : 'refused'
  }
  return 'lost'
}
