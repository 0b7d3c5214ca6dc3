// Lanes: who relays which part of the outbox, in one row for each lane; and a row for each relay, so that one that has got no
// lane yet is known to the others. Leases are by the database's clock.
import type { Answer, Statement } from './executor.ts'

export interface LaneStatements {
  /** Notes that `owner` claims lanes, for so long. */
  announce(owner: string, leaseMs: number): Statement
  /** Locks all lanes against other claims; `lane`, and `state`: 0 free, or its lease has run out; 1 held by `owner`; 2 by another. */
  lock(owner: string): Statement
  hold(lanes: readonly number[], owner: string, leaseMs: number): Statement
  free(lanes: readonly number[]): Statement
  /** Gives back whatever `owner` holds. */
  release(owner: string): Statement
  /** Forgets the relay `owner`, and those whose lease has run out. */
  forget(owner: string | undefined): Statement
  /** As `count`. */
  countOwners(): Statement
}

type Run = (statement: Statement) => Promise<Answer>

/** In a transaction of its own, in which it changes nothing else. */
export async function claimLanes(
  sql: LaneStatements,
  run: Run,
  owner: string,
  most: number,
  leaseMs: number,
): Promise<readonly number[]> {
  const states = (await run(sql.lock(owner))).rows.map((row) => [Number(row['lane']), Number(row['state'])] as const)
  await run(sql.announce(owner, leaseMs))
  const lanesIn = (state: number): readonly number[] => states.flatMap(([lane, is]) => (is === state ? [lane] : []))
  const own = lanesIn(1)
  const kept = own.slice(0, Math.max(0, most))
  const beyond = own.slice(kept.length)
  const taken = lanesIn(0).slice(0, Math.max(0, most - kept.length))
  const held = [...kept, ...taken].sort((a, b) => a - b)
  if (held.length > 0) await run(sql.hold(held, owner, leaseMs))
  if (beyond.length > 0) await run(sql.free(beyond))
  // What is free was mostly somebody's who has died.
  if (taken.length > 0) await run(sql.forget(undefined))
  return held
}
