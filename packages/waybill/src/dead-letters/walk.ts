// Going through the dead letters of a group with one question for each: what becomes of it.
import type { AnyContracted } from '../contract/contract.ts'
import { isWaybillError } from '../message/errors.ts'
import { asText } from '../message/as-error.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { DeadLetterDecision } from '../transport/dead-letter-visit.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Group, Transport } from '../transport/transport.ts'
import type { DeadLetter } from './dead-letter.ts'
import { Pace } from './pace.ts'

export const KEEP: DeadLetterDecision = { action: 'keep' }

/** Letters in memory at a time. */
const BATCH = 100
/**
 * A visit that has kept something ends after so long, and another begins: what a visit keeps, an engine may count as held,
 * and take back after a while (RabbitMQ after 30 minutes).
 */
const VISIT_MS = 600_000
/**
 * What died later than this after the beginning is left for another time, so that a visit that lasts ends. Times of death
 * are told by other machines' clocks.
 */
const CLOCKS_DIFFER_MS = 60_000
/** Refusals that are told in full; the rest is counted. */
const MAX_REFUSALS = 100

export interface WalkOptions {
  /** Letters at most of which something becomes. Default all. */
  readonly limit?: number
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean
  /** Ends it with `WAYBILL_ABORTED`: what was done is done, the rest stays. */
  readonly signal?: AbortSignal
  /** Told after each batch. */
  readonly progress?: (soFar: DeadLetterResult) => void
}

export interface Refusal {
  readonly id: string
  readonly why: string
}

export interface DeadLetterResult {
  /** Letters that were looked at. */
  readonly looked: number
  /** Letters of which it was done: the engine has confirmed it. With `dryRun`: of which it would be. */
  readonly done: number
  /** Letters that were asked for and stay as they are, for a reason. */
  readonly refused: number
  /** Their reasons, of the first 100. */
  readonly refusals: readonly Refusal[]
}

/** Keeps a letter that was asked for. */
export class Refused extends Error {}

export interface WalkParts<M extends AnyContracted> {
  readonly transport: Transport
  readonly runtime: Runtime
  readonly group: Group
  readonly letterOf: (message: WireMessage) => DeadLetter<M>
}

/** One walk, in one visit or, at a rate, in several. */
export class Walk<M extends AnyContracted> {
  readonly #parts: WalkParts<M>
  readonly #options: WalkOptions
  readonly #judge: (letter: DeadLetter<M>) => Promise<DeadLetterDecision>
  readonly #pace: Pace
  readonly #begunAt: number
  readonly #refusals: Refusal[] = []
  #looked = 0
  #done = 0
  #refused = 0
  /** Decided, and not yet carried out. */
  #pending = 0
  /** By the visit of now. */
  #hasKept = false

  /**
   * @param judge may throw {@link Refused}
   * @param rate letters per second that something becomes of
   */
  constructor(
    parts: WalkParts<M>,
    options: WalkOptions,
    judge: (letter: DeadLetter<M>) => Promise<DeadLetterDecision>,
    rate: number = Infinity,
  ) {
    checkLimit(options.limit)
    this.#parts = parts
    this.#options = options
    this.#judge = judge
    this.#pace = new Pace(rate, parts.runtime, options.signal)
    this.#begunAt = parts.runtime.now()
  }

  /** @throws {WaybillError} `WAYBILL_ABORTED`; what the transport says */
  async run(): Promise<DeadLetterResult> {
    const { runtime } = this.#parts
    // Whoever walks waits for its end, though an engine in this process has no open socket.
    const release = runtime.keepAlive()
    try {
      while (!(await this.#visit(runtime.monotonic() + VISIT_MS)));
      return this.#result()
    } finally {
      release()
    }
  }

  /** @returns whether it has come to the end of the letters, or to the limit */
  async #visit(endAt: number): Promise<boolean> {
    const { transport, runtime, group } = this.#parts
    const batch = Math.min(BATCH, this.#pace.burst)
    let isOver = true
    // What an earlier visit has kept is looked at again.
    this.#hasKept = false
    this.#looked = this.#done
    this.#refused = 0
    this.#refusals.length = 0
    const decide = async (letters: readonly WireMessage[]): Promise<readonly DeadLetterDecision[]> => {
      this.#carriedOut()
      this.#pace.throwIfAborted()
      isOver = !this.#hasKept || runtime.monotonic() < endAt
      return isOver ? await this.#decide(letters) : []
    }
    await transport.visitDeadLetters(group, { limit: Number.MAX_SAFE_INTEGER, batch, decide })
    this.#carriedOut()
    return isOver
  }

  async #decide(letters: readonly WireMessage[]): Promise<readonly DeadLetterDecision[]> {
    const { limit = Infinity, dryRun = false } = this.#options
    const decisions: DeadLetterDecision[] = []
    let count = 0
    for (const message of letters) {
      if (this.#done + count >= limit) break
      this.#looked++
      const decision = await this.#ask(message)
      if (decision.action !== 'keep') count++
      else this.#hasKept = true
      decisions.push(dryRun ? KEEP : decision)
    }
    if (!dryRun) await this.#pace.pass(count)
    this.#pending = count
    return decisions
  }

  async #ask(message: WireMessage): Promise<DeadLetterDecision> {
    const letter = this.#parts.letterOf(message)
    if (letter.diedAt !== undefined && letter.diedAt.getTime() > this.#begunAt + CLOCKS_DIFFER_MS) return KEEP
    try {
      return await this.#judge(letter)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#refused++
      if (this.#refusals.length < MAX_REFUSALS) this.#refusals.push({ id: letter.id, why: error.message })
      return KEEP
    }
  }

  #carriedOut(): void {
    if (this.#pending === 0) return
    this.#done += this.#pending
    this.#pending = 0
    this.#options.progress?.(this.#result())
  }

  #result(): DeadLetterResult {
    return { looked: this.#looked, done: this.#done, refused: this.#refused, refusals: [...this.#refusals] }
  }
}

/** @throws {Refused} where what was asked of the letter cannot be done to it */
export async function orRefused<T>(doing: () => T | Promise<T>): Promise<T> {
  try {
    return await doing()
  } catch (error) {
    throw new Refused(isWaybillError(error) ? (error.message.split('\n', 1)[0] ?? '') : asText(error), { cause: error })
  }
}

/** @throws {TypeError} */
export function checkLimit(limit: number | undefined, most: number = Number.MAX_SAFE_INTEGER): void {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1 && limit <= most))
    throw new TypeError(`limit must be a whole number from 1 to ${most}, not ${limit}`)
}
