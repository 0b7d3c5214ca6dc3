/**
 * On the default level, a key that is there is locked together with the gap before it, and batches that share a key may be
 * deadlocks, sorted or not.
 */
export const ISOLATION = 'read committed'

/**
 * MySQL ends transactions by itself: a deadlock, for one, rolls everything back, and what the connection is asked next is committed
 * statement by statement. Where that error is hidden, COMMIT succeeds. A savepoint goes with its transaction, and so tells.
 */
export const GUARD = { set: 'SAVEPOINT waybill_begun', check: 'RELEASE SAVEPOINT waybill_begun' } as const
