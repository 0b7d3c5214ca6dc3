import type { Failure } from '../sql/executor.ts'

const SQLSTATE = /^[0-9A-Z]{5}$/

/**
 * By the SQLSTATE of the server's answer, which may be the cause of a query builder's error.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function postgresFailure(error: unknown): Failure {
  const state = sqlStateOf(error)
  // 08: connection, 57P: shut down, crashed; 40003: statement completion unknown.
  if (state === undefined || /^(?:08|57P)/.test(state) || state === '40003') return 'lost'
  if (state === '42501' || state.startsWith('28')) return 'denied'
  // Serialization failure, deadlock, waited too long for a lock.
  if (state === '40001' || state === '40P01' || state === '55P03') return 'conflict'
  return state === '42P01' || state === '3F000' ? 'missing' : 'refused'
}

/** Most links of a chain of causes that are looked at. */
const MOST_CAUSES = 8

function sqlStateOf(error: unknown): string | undefined {
  let each = error
  for (let n = 0; n < MOST_CAUSES && each instanceof Error; n++, each = each.cause) {
    // The driver has codes of the same shape for what the system says of sockets: EPIPE.
    const code = 'code' in each && 'severity' in each ? each.code : undefined
    if (typeof code === 'string' && SQLSTATE.test(code)) return code
  }
  return undefined
}
