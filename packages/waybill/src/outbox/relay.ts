// From the outbox to the broker: the loop that looks, sends, and writes down what became of it.
import type { Release, Timer } from '../runtime/runtime.ts'
import { Dispatch } from './dispatch.ts'
import { DISPATCH_LIMITS } from './dispatch-limits.ts'
import { Changes } from './changes.ts'
import { LaneLease } from './lane-lease.ts'
import { Looks, type Look } from './looks.ts'
import { Probes } from './probes.ts'
import type { RelayParts } from './relay-parts.ts'
import type { RowAnswer } from './row-answer.ts'

/** What is due is moved in portions of this many. */
const MOVE_LIMIT = 500
/** As long as this, lanes that are to be given back wait for what is on the way. */
const YIELD_MS = 1_000
/** The wait after the database did not answer. */
const STORE_DOWN_MS = 1_000

/**
 * One for each store of a bus. Several relays on one database share its lanes. Every database call is made by one loop, one at
 * a time; what is at the broker meanwhile is answered whenever it is. While the lease runs a row may be sent; once it has run out,
 * nothing is, and what was on the way then may be sent by somebody else too, with the same id.
 */
export class Relay {
  readonly #parts: RelayParts
  readonly #lease: LaneLease
  readonly #dispatch: Dispatch
  readonly #looks: Looks
  readonly #probes = new Probes()
  readonly #changes: Changes
  #running: Promise<void> | undefined
  #unlisten: (() => Promise<void>) | undefined
  #timer: Timer | undefined
  #wake: (() => void) | undefined
  #hold: Release | undefined
  /** Since when lanes are to be given back, and nothing is sent. */
  #yieldSince: number | undefined
  #pollAt = -Infinity
  #moveAt = -Infinity
  #downUntil = -Infinity
  #down = false
  #closing = false
  #stopped = false
  /** There is news since the round under way began. */
  #stirred = false
  #sendScheduled = false
  #lookScheduled = false
  #whenDry: (() => void)[] = []

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#lease = new LaneLease(parts.runtime.newId(), parts.store.outbox, parts.leaseMs)
    this.#dispatch = new Dispatch({ ...DISPATCH_LIMITS, attempts: parts.attempts })
    this.#looks = new Looks(parts.batch)
    this.#changes = new Changes(parts.store.outbox, parts.observer, (positions) => this.#dispatch.written(positions))
  }

  /** Begins to relay. A database that cannot tell of commits is looked at by the poll. */
  async start(): Promise<void> {
    this.#hold = this.#parts.runtime.hold('relay')
    this.#running = this.#run()
    this.#unlisten = await this.#parts.store.outbox.onCommit?.(() => this.wake())
  }

  /** A transaction of this process has committed. */
  wake(): void {
    // What is committed while this one closes is for others, or it would never end.
    if (this.#closing) return
    this.#looks.wake()
    this.#stir()
  }

  /**
   * A transaction whose end nobody tells us of has written a row of this id, or scheduled something: looks in the next turn, and
   * again and again for a while.
   */
  expect(id: string | undefined): void {
    if (id !== undefined) this.#probes.expect(id, this.#now())
    if (this.#lookScheduled || this.#running === undefined) return
    this.#lookScheduled = true
    this.#parts.runtime.defer(() => {
      this.#lookScheduled = false
      this.#looks.wake()
      this.scheduled()
    })
  }

  /** Something was scheduled. */
  scheduled(): void {
    this.#moveAt = -Infinity
    this.#stir()
  }

  /** Resolves when everything committed so far has been sent and removed, or after `deadlineMs`; then gives the lanes back. */
  async close(deadlineMs: number): Promise<void> {
    const { runtime } = this.#parts
    if (this.#running !== undefined && !this.#stopped && deadlineMs > 0) {
      this.#looks.reset()
      this.#closing = true
      await new Promise<void>((resolve) => {
        const timer = runtime.setTimer(deadlineMs, resolve)
        this.#whenDry.push(() => {
          timer.cancel()
          resolve()
        })
        this.#stir()
      })
    }
    this.#stopped = true
    this.#stir()
    await this.#unlisten?.()
    await this.#running
    this.#timer?.cancel()
    this.#hold?.()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const worked = await this.#guarded(() => this.#step())
      if (!worked && !this.#stopped) await this.#rest()
    }
    await this.#guarded(async () => {
      await this.#changes.write()
      await this.#lease.release()
      return true
    })
  }

  /** One round; whether there was anything to do. */
  async #step(): Promise<boolean> {
    const now = this.#now()
    let worked = false
    this.#stirred = false
    if (now >= this.#lease.renewAt) worked = await this.#renew()
    if (!this.#changes.empty) worked = (await this.#changes.write()) || worked
    const lanes = this.#lease.lanes(this.#now())
    if (lanes.length > 0) {
      if (now >= this.#moveAt && !this.#closing) worked = (await this.#moveDue(now)) || worked
      if (!this.#closing && (now >= this.#pollAt || this.#probes.due(now))) {
        this.#pollAt = now + this.#parts.pollMs
        this.#looks.wake()
      }
      const look = this.#looks.next({
        now,
        known: this.#dispatch.known,
        hasRoom: this.#dispatch.hasRoom,
        wanted: this.#dispatch.passWanted(now),
        unsureUpTo: this.#dispatch.unsureUpTo,
      })
      if (look !== undefined) {
        await this.#look(look, lanes)
        worked = true
      }
    }
    this.#send()
    if (!worked && this.#dispatch.empty && this.#changes.empty) for (const dry of this.#whenDry.splice(0)) dry()
    return worked
  }

  async #renew(): Promise<boolean> {
    const clock = (): number => this.#now()
    const share = await this.#lease.share(clock)
    const held = this.#lease.lanes(clock())
    // What is on the way would be sent again by who takes the lane: so it is given back when nothing is, if that is soon.
    if (share < held.length) {
      this.#yieldSince ??= clock()
      const wait = this.#dispatch.inFlight > 0 || !this.#changes.empty
      if (wait && clock() < this.#yieldSince + YIELD_MS) {
        this.#lease.again(clock(), YIELD_MS / 20)
        return false
      }
    }
    this.#yieldSince = undefined
    const changed = await this.#lease.renew(share, clock)
    if (!changed) return false
    // Somebody else may have sent these meanwhile, and what came after them.
    if (held.length === 0) this.#dispatch.hold([])
    this.#dispatch.hold(this.#lease.lanes(clock()))
    this.#looks.reset()
    return true
  }

  async #moveDue(now: number): Promise<boolean> {
    const { moved, nextInMs } = await this.#parts.store.outbox.moveDue(MOVE_LIMIT)
    // No later than the next poll: others schedule things, too, and the database's clock may jump.
    this.#moveAt = now + Math.min(nextInMs ?? Infinity, this.#parts.pollMs)
    if (moved === 0) return false
    if (moved >= MOVE_LIMIT) this.#moveAt = now
    this.#looks.wake()
    return true
  }

  async #look(look: Look, lanes: readonly number[]): Promise<void> {
    if (look.first) this.#dispatch.beginPass(this.#now(), look.after)
    this.#dispatch.beginLook()
    try {
      const rows = await this.#parts.store.outbox.fetch(lanes, look.after, look.limit)
      this.#probes.seen(rows.map(({ message }) => message.id))
      const taken = this.#dispatch.take(rows, look.first, this.#now())
      const bytes = rows.reduce((sum, { message }) => sum + message.body.byteLength, 0)
      const seen = { ...taken, count: rows.length, last: rows.at(-1)?.position, bytes }
      const { hasRoom, unsureUpTo } = this.#dispatch
      const coveredTo = this.#looks.seen(look, seen, { now: this.#now(), hasRoom, unsureUpTo })
      if (coveredTo !== undefined) this.#dispatch.endPass(coveredTo)
    } catch (error) {
      this.#dispatch.take([], false, this.#now())
      this.#looks.failed()
      throw error
    }
  }

  #send(): void {
    const now = this.#now()
    if (this.#stopped || this.#yieldSince !== undefined || this.#lease.lanes(now).length === 0) return
    for (const row of this.#dispatch.next(now)) {
      void this.#parts.send(row).then((answer) => this.#answered(row.position, answer))
    }
  }

  #answered(position: bigint, answer: RowAnswer): void {
    const change = this.#dispatch.answered(position, answer, this.#now())
    if (change !== undefined) this.#changes.add(change)
    this.#stir()
    if (this.#sendScheduled) return
    // The next rows of a key need not wait for the database.
    this.#sendScheduled = true
    queueMicrotask(() => {
      this.#sendScheduled = false
      this.#send()
    })
  }

  /** A database that does not answer is asked again after a while; told of once. */
  async #guarded(work: () => Promise<boolean>): Promise<boolean> {
    const { observer } = this.#parts
    try {
      const worked = await work()
      if (this.#down) observer.storeAnswers()
      this.#down = false
      this.#downUntil = -Infinity
      return worked
    } catch (error) {
      if (!this.#down) observer.storeFailed(error)
      this.#down = true
      this.#downUntil = this.#now() + STORE_DOWN_MS
      this.#lease.again(this.#now())
      return false
    }
  }

  /** Until there is news, or something is due. A database that is away is left alone for a while, whatever the news. */
  async #rest(): Promise<void> {
    const { runtime } = this.#parts
    const now = this.#now()
    if (this.#stirred && now >= this.#downUntil) return
    const waitMs = Math.max(1, Math.max(this.#nextDue(now), this.#downUntil) - now)
    this.#hold?.()
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        if (this.#stopped || this.#now() >= this.#downUntil) resolve()
      }
      this.#timer = runtime.setTimer(waitMs, resolve)
    })
    this.#timer?.cancel()
    this.#wake = undefined
    this.#hold = runtime.hold('relay')
  }

  #nextDue(now: number): number {
    if (this.#lease.lanes(now).length === 0) return this.#lease.renewAt
    const news = this.#closing ? Infinity : Math.min(this.#pollAt, this.#moveAt, this.#probes.nextDue)
    return Math.min(this.#lease.renewAt, news, this.#dispatch.nextDue(now) ?? Infinity)
  }

  #stir(): void {
    this.#stirred = true
    this.#wake?.()
  }

  #now(): number {
    return this.#parts.runtime.monotonic()
  }
}
