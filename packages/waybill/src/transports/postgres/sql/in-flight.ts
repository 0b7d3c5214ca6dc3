// Transactions do not commit in the order of their ids. Who stores messages therefore holds an advisory lock until it has committed,
// whose key says behind which id its own lie; so it can be told up to which id everything is there that ever will be.
//
//   key    15 bits made of the schema's name, then 48 of an id

const ID_BITS = 48n

/** Takes the lock; in a part of the statement that comes before ids are taken. */
export function holdIds(s: string): string {
  return `SELECT pg_advisory_xact_lock_shared(${keyOf(s)} | last_value) AS held FROM ${s}.ids`
}

/**
 * The id up to which everything is seen by whoever looks from now on: `settled`. Ids are read first: who takes its lock after that
 * takes larger ones.
 */
export function settledIds(s: string): string {
  const key = `(classid::bigint << 32) | objid::bigint`
  return `
      WITH taken AS MATERIALIZED (SELECT last_value FROM ${s}.ids)
      SELECT least(last_value, (SELECT min((${key}) & ${(1n << ID_BITS) - 1n}) FROM pg_locks
        WHERE last_value > 0 AND locktype = 'advisory' AND objsubid = 1 AND (${key}) >> ${ID_BITS} = ${keyOf(s) >> ID_BITS}
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))) AS settled
      FROM taken`
}

/** FNV-1a: two schemas of one name in their 15 bits wait for nothing but each other's commits. */
function keyOf(s: string): bigint {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(s)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return BigInt((hash ^ (hash >>> 15)) & 0x7fff) << ID_BITS
}
