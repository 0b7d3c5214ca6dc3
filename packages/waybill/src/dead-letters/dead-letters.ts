import type { AnyContracted } from '../contract/contract.ts'
import { WaybillError } from '../message/errors.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { DeadLetterDecision } from '../transport/dead-letter-visit.ts'
import type { Group, Transport } from '../transport/transport.ts'
import { asDeadLetter, bodiesBy, type DeadLetter } from './dead-letter.ts'
import { edited, type DeadLetterChange } from './edit.ts'
import { MAX_BY, MAX_NOTE, withoutParked, withParked, type Hand } from './marks.ts'
import { listed, type DeadLetterPage, type ListOptions } from './page.ts'
import { redriven } from './redriven.ts'
import { KEEP, orRefused, Refused, Walk, type DeadLetterResult, type WalkOptions, type WalkParts } from './walk.ts'
import { matching, type DeadLetterWhere } from './where.ts'

export interface ByOptions {
  /** Who does it, for the record: at most 100 characters. Default the bus's name. */
  readonly by?: string
  /** Why, for the record: at most 500 characters. */
  readonly note?: string
}

export interface RedriveOptions<M extends AnyContracted = AnyContracted> extends WalkOptions, ByOptions {
  /** Messages per second at most. Default no limit. What is not used is not saved up. */
  readonly rate?: number
  /** Changes each letter on its way; `undefined` redrives it as it is. One that throws keeps that letter. */
  readonly edit?: (letter: DeadLetter<M>) => DeadLetterChange<M> | undefined | Promise<DeadLetterChange<M> | undefined>
  /** Redrives what the inbox of the group may have forgotten: it may be handled a second time. */
  readonly force?: boolean
}

export interface DeadLettersParts {
  readonly transport: Transport
  readonly runtime: Runtime
  readonly group: Group
  /** What the bodies may be, the first one of letters without a type. */
  readonly contracts: readonly AnyContracted[]
  readonly by: string
  /** How old a letter may be to be redriven unforced: milliseconds since it died; Infinity for any age. */
  readonly lifeMs: number
}

/**
 * The dead letters of one group: of every type that the group handles, because order is kept over types.
 *
 * Whatever becomes of a letter is stored before the letter goes: a crash, here or of the broker, may leave a letter that
 * was redriven, so that its message comes twice, and never loses one. Several may go through them at a time, each seeing
 * a part.
 */
export class DeadLetters<M extends AnyContracted = AnyContracted> {
  readonly group: Group
  readonly #parts: DeadLettersParts
  readonly #walk: WalkParts<M>

  constructor(parts: DeadLettersParts) {
    this.group = parts.group
    this.#parts = parts
    const bodyOf = bodiesBy<M>(parts.contracts)
    const letterOf = (message: WireMessage): DeadLetter<M> => asDeadLetter<M>(message, bodyOf)
    this.#walk = { transport: parts.transport, runtime: parts.runtime, group: parts.group, letterOf }
  }

  /**
   * A page of them, oldest first. Looking changes nothing, however often.
   *
   * @throws {WaybillError} `WAYBILL_NOT_FOUND` when the engine knows no such group; `WAYBILL_UNSUPPORTED`
   */
  list(options: ListOptions<M> = {}): Promise<DeadLetterPage<M>> {
    return listed(this.#walk, options)
  }

  /** The first with this id. */
  async find(id: string): Promise<DeadLetter<M> | undefined> {
    return (await this.list({ limit: 1, where: { id } })).letters[0]
  }

  /**
   * Hands them to their group again, oldest first: the same id and history, attempt 1, and a record of it. To no other
   * group of the channel. Parked ones are passed over unless `where.parked` says otherwise.
   *
   * A letter that died longer ago than `deadLetterLife` is refused where the group has an inbox, which may have forgotten
   * what it has seen by then: `force`.
   *
   * @throws {TypeError} for an option out of range
   * @throws {WaybillError} `WAYBILL_ABORTED` by the signal; what the transport says. What was done until then is done.
   */
  redrive(where: DeadLetterWhere<M>, options: RedriveOptions<M> = {}): Promise<DeadLetterResult> {
    const { runtime } = this.#parts
    const { edit, force = false, rate } = options
    const matches = matching<M>({ ...where, parked: where.parked ?? false })
    const hand = this.#hand(options)
    const run = runtime.newId()
    const judge = async (letter: DeadLetter<M>): Promise<DeadLetterDecision> => {
      // It has died again meanwhile.
      if (letter.redriven.times.at(-1)?.run === run) return KEEP
      if (!(await matches(letter))) return KEEP
      if (!force) this.#refuseOld(letter)
      const change = edit === undefined ? undefined : await orRefused(() => edit(letter))
      const now = { ...hand, at: runtime.now() }
      const message =
        change === undefined ? letter.message : await orRefused(() => this.#edited(letter.message, change, now))
      return { action: 'redrive', message: redriven(message, now, run) }
    }
    return new Walk(this.#walk, options, judge, rate).run()
  }

  /** Removes them for good. */
  remove(where: DeadLetterWhere<M>, options: WalkOptions = {}): Promise<DeadLetterResult> {
    const matches = matching<M>(where)
    return new Walk(this.#walk, options, async (letter) =>
      (await matches(letter)) ? { action: 'remove' } : KEEP,
    ).run()
  }

  /**
   * Removes all of them for good, parked ones too.
   *
   * @throws {TypeError} unless `confirm` is the name of the group
   */
  purge({ confirm, ...options }: { readonly confirm: string } & WalkOptions): Promise<DeadLetterResult> {
    if (confirm !== this.group.name)
      throw new TypeError(`purge removes all dead letters of ${this.group.name}: confirm it with that name`)
    return this.remove({}, options)
  }

  /** Puts them aside: they stay, and `redrive` passes them over. */
  park(where: DeadLetterWhere<M>, options: WalkOptions & ByOptions = {}): Promise<DeadLetterResult> {
    const hand = this.#hand(options)
    return this.#replaceEach({ ...where, parked: false }, options, (message) => ({
      ...message,
      headers: withParked(message.headers, hand),
    }))
  }

  /** Takes parked ones back among the others. */
  unpark(where: DeadLetterWhere<M>, options: WalkOptions = {}): Promise<DeadLetterResult> {
    return this.#replaceEach({ ...where, parked: true }, options, (message) => ({
      ...message,
      headers: withoutParked(message.headers),
    }))
  }

  /**
   * Changes the first letter with this id where it lies, and writes down that it did. On most engines it lies behind the
   * others then: to keep their order, `redrive` with `edit` instead.
   *
   * @returns the letter as it is now
   * @throws {TypeError} for a change that changes nothing or may not be
   * @throws {WaybillError} `WAYBILL_NOT_FOUND`; `WAYBILL_INVALID_MESSAGE`, `WAYBILL_MALFORMED`, `WAYBILL_UNKNOWN_TYPE` for
   *   what its handler could not read. Nothing is changed then.
   */
  async edit(id: string, change: DeadLetterChange<M>, options: ByOptions = {}): Promise<DeadLetter<M>> {
    let changed: WireMessage | undefined
    const hand = this.#hand(options)
    const judge = async (letter: DeadLetter<M>): Promise<DeadLetterDecision> => {
      if (letter.id !== id || changed !== undefined) return KEEP
      changed = await this.#edited(letter.message, change, hand)
      return { action: 'replace', message: changed }
    }
    await new Walk(this.#walk, { limit: 1 }, judge).run()
    if (changed === undefined)
      throw new WaybillError('WAYBILL_NOT_FOUND', `group ${this.group.name} has no dead letter ${id}`, {
        cure: 'List the dead letters: it may have been redriven or removed, or somebody else holds it at this moment.',
      })
    return this.#walk.letterOf(changed)
  }

  #replaceEach(
    where: DeadLetterWhere<M>,
    options: WalkOptions,
    change: (message: WireMessage) => WireMessage,
  ): Promise<DeadLetterResult> {
    const matches = matching<M>(where)
    const judge = async (letter: DeadLetter<M>): Promise<DeadLetterDecision> =>
      (await matches(letter)) ? { action: 'replace', message: change(letter.message) } : KEEP
    return new Walk(this.#walk, options, judge).run()
  }

  #edited(message: WireMessage, change: DeadLetterChange<M>, hand: Hand): Promise<WireMessage> {
    const contracted = this.#parts.contracts.find(({ type }) => type === message.type)
    return edited(message, change, contracted, hand)
  }

  #refuseOld({ diedAt }: DeadLetter<M>): void {
    const { runtime, lifeMs } = this.#parts
    if (lifeMs === Infinity) return
    if (diedAt !== undefined && runtime.now() - diedAt.getTime() <= lifeMs) return
    const when = diedAt === undefined ? 'nobody knows when' : `on ${diedAt.toISOString()}`
    throw new Refused(
      `it died ${when}, longer ago than deadLetterLife: the inbox of ${this.group.name} may have forgotten it. Use force.`,
    )
  }

  #hand({ by = this.#parts.by, note }: ByOptions): Hand {
    return {
      at: this.#parts.runtime.now(),
      by: by.slice(0, MAX_BY),
      ...(note === undefined ? {} : { note: note.slice(0, MAX_NOTE) }),
    }
  }
}
