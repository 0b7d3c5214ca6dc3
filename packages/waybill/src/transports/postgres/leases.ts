import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import { membersOf, messagesOf } from './names.ts'
import type { Notifier } from './notifier.ts'
import type { Settings } from './settings.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

/** Of a lease: how often it is renewed, and after what part of it without success its holder stands back. */
const RENEWALS = 4
const STANDS_BACK = 0.75

export interface LeaseParts {
  readonly wire: () => Wire
  readonly sql: Statements
  readonly settings: Settings
  readonly runtime: Runtime
  readonly notifier: Notifier
  readonly emit: (event: TransportEvent) => void
}

/**
 * The leases of all members in this process, renewed together, by one statement: however much a member holds, its lease is one
 * row. It also takes from the list who has been silent for a whole lease, by the server's clock.
 */
export class Leases {
  readonly #parts: LeaseParts
  readonly #members = new Map<number, (error: Error) => void>()
  #timer: Timer | undefined
  #renewedAt = 0
  #wire: Wire | undefined

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  /** The link is up. */
  begin(wire: Wire): void {
    this.#wire = wire
    this.#renewedAt = this.#parts.runtime.monotonic()
    this.#schedule()
  }

  /** The link is down: members are taken up anew. */
  end(): void {
    this.#wire = undefined
    this.#timer?.cancel()
    this.#members.clear()
  }

  /** Whether others still count the members of this process in, for a while yet. */
  get isHeld(): boolean {
    const { runtime, settings } = this.#parts
    return this.#wire !== undefined && runtime.monotonic() - this.#renewedAt < settings.leaseMs * STANDS_BACK
  }

  /** @param former the member that this one was before, whose messages and shards are free at once @param lost the server does not have it any more */
  async join(wire: Wire, groupId: number, former: number | undefined, lost: (error: Error) => void): Promise<number> {
    const { sql, settings, notifier } = this.#parts
    const [row] = await wire.control.run<{ id: string }>(sql.join, [groupId, settings.leaseMs, former ?? null])
    const member = Number(row?.id)
    this.keep(member, lost)
    notifier.notify([membersOf(settings.schema, groupId)])
    return member
  }

  /** Renews a member that was made otherwise. */
  keep(member: number, lost: (error: Error) => void): void {
    this.#members.set(member, lost)
  }

  forget(member: number): void {
    this.#members.delete(member)
  }

  /** What it held is free for the others. */
  async leave(wire: Wire, groupId: number, member: number): Promise<void> {
    const { sql, settings, notifier } = this.#parts
    this.#members.delete(member)
    await wire.control.run(sql.leave, [member])
    notifier.notify([messagesOf(settings.schema, groupId), membersOf(settings.schema, groupId)])
  }

  #schedule(): void {
    const { runtime, settings } = this.#parts
    this.#timer?.cancel()
    this.#timer = runtime.setTimer(settings.leaseMs / RENEWALS, () => {
      const wire = this.#wire
      if (wire === undefined) return
      wire.watch(settings.leaseMs * STANDS_BACK)
      // One that is on its way is waited for, not followed by another.
      if (wire === this.#wire && wire.control.silentMs === 0) void this.#tick(wire)
      this.#schedule()
    })
  }

  async #tick(wire: Wire): Promise<void> {
    const { sql, settings, runtime, notifier, emit } = this.#parts
    const begun = runtime.monotonic()
    const members = [...this.#members.keys()]
    try {
      const kept = await wire.control.run<{ id: string }>(sql.renew, [members, settings.leaseMs])
      if (wire !== this.#wire) return
      this.#renewedAt = begun
      const ids = new Set(kept.map(({ id }) => Number(id)))
      for (const member of members) if (!ids.has(member)) this.#lost(member)
      const gone = await wire.control.run<{ group_id: number }>(sql.reap, [])
      const groups = new Set(gone.map(({ group_id }) => group_id))
      for (const id of groups) notifier.notify([messagesOf(settings.schema, id), membersOf(settings.schema, id)])
    } catch (error) {
      if (wire === this.#wire) emit({ type: 'error', error: asError(error) })
    }
  }

  #lost(member: number): void {
    const lost = this.#members.get(member)
    this.#members.delete(member)
    lost?.(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `the server does not count member ${member} in any more`))
  }
}
