// Space comes back without vacuum: new rows go to one slot of the queue at a time; a slot whose rows have all been settled is
// truncated. That works while an old snapshot of another transaction keeps vacuum from removing a single row; it needs a lock
// that a reader of these very tables, such as pg_dump, holds up. Then it is tried again later, and the tables grow meanwhile.
import { LOCK_NOT_AVAILABLE, QUERY_CANCELED, sqlState } from './postgres-errors.ts'
import { SLOTS } from './schema.ts'
import { emptySlot } from './sql/rotation-statements.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/** Below it vacuum has no trouble, and a truncation would cost more than it gains. */
const WORTH_BYTES = 16 * 2 ** 20
/** What was begun with the former slot has ended by then, nearly always. */
const LEAST_AGE_S = 10
/** Who stores messages waits so long at most. */
const LOCK_MS = 100
/** A slot in which one has to look for so long is not empty, or too full of dead rows to be looked at with leases to renew. */
const LOOK_MS = 1_000

interface Slots {
  readonly current: number
  /** In seconds. */
  readonly age: number
  /** Of each slot's table, in bytes, as text: without what lies outside of its rows, which an empty one has, too. */
  readonly rows: readonly string[]
  /** And with it. */
  readonly sizes: readonly string[]
}

/** One round; any process may do it at any time, and one does in ten seconds. */
export async function rotate(wire: Wire, sql: Statements, schema: string): Promise<void> {
  const [slots] = await wire.control.run<Slots>(sql.slots, [])
  if (slots === undefined || slots.age < LEAST_AGE_S) return
  const { current, rows, sizes } = slots
  // Slots are numbered from 1.
  const isEmpty = (slot: number): boolean => Number(rows[slot - 1]) === 0
  for (const slot of SLOTS) if (slot !== current && !isEmpty(slot)) await empty(wire, sql, schema, slot)
  const next = SLOTS[current % SLOTS.length] ?? SLOTS[0]
  if (Number(sizes[current - 1]) >= WORTH_BYTES && isEmpty(next)) await wire.control.run(sql.nextSlot, [current, next])
}

async function empty(wire: Wire, sql: Statements, schema: string, slot: number): Promise<void> {
  const { lock, isUsed, truncate } = emptySlot(schema, slot)
  const guarded = (use: Parameters<typeof wire.control.transaction<boolean>>[0]): Promise<boolean> =>
    wire.control.transaction(async (run) => {
      await run({ text: `SET LOCAL lock_timeout = ${LOCK_MS}` }, [])
      await run({ text: `SET LOCAL statement_timeout = ${LOOK_MS}` }, [])
      return await use(run)
    })
  try {
    const isInUse = await guarded(async (run) => {
      await run(sql.moveOn, [slot])
      return (await run(isUsed, [])).length > 0
    })
    if (isInUse) return
    await guarded(async (run) => {
      await run(lock, [])
      // Somebody may have stored one before the lock was ours.
      if ((await run(isUsed, [])).length > 0) return false
      await run(truncate, [])
      return true
    })
  } catch (error) {
    const state = sqlState(error)
    // Another time.
    if (state !== LOCK_NOT_AVAILABLE && state !== QUERY_CANCELED) throw error
  }
}
