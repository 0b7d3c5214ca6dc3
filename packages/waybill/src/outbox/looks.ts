// Where the relay looks next. Without I/O.

/**
 * Positions are given out before commits, so rows of a transaction appear below others that were seen, when it commits later.
 * Whoever took only what is behind the last row seen would overtake them: with a later row of the same transaction, or of one
 * that came after it. So every look begins so far back that transactions which last for less than this are in it.
 */
export const LATE_MS = 120_000
/** From the very beginning this often: for rows of a transaction that lasted for longer. */
const FULL_PASS_MS = 5_000
/** Rows of a first look; pages adapt to the size of the bodies. */
const FIRST_PAGE = 64
const PAGE_BYTES = 8 * 1024 * 1024
/** Rows at the beginning that may not be sent yet, and are read with each look all the same; beyond, there are further pages. */
const MAX_SKIPPED = 4_096
/** So many pages of a pass are always read; after more, there is a pause of so many times as long. */
const SHORT_WALK = 8
const WALK_SHARE = 4

export interface Look {
  /** Rows behind this position. */
  readonly after: bigint
  readonly limit: number
  /** The first page of a pass, which shows everything from its beginning on at one instant. */
  readonly first: boolean
}

/** What is known when the next look is chosen. */
export interface Standing {
  readonly now: number
  /** Rows in memory: a look from the beginning shows them once more. */
  readonly known: number
  readonly hasRoom: boolean
  /** Behind this position lie rows that were let go before, and may be sent now. */
  readonly wanted: bigint | undefined
  /** Rows in memory wait for a pass as far as this, which must find nothing before them. */
  readonly unsureUpTo: bigint | undefined
}

/** What a look has shown. */
export interface Seen {
  readonly count: number
  readonly last: bigint | undefined
  readonly bytes: number
  /** Rows that are in memory now and were not before. */
  readonly accepted: number
  /** Rows that were let go, and those of them whose line waits because the broker has refused a row of it. */
  readonly letGo: number
  readonly heldBack: number
  /** Rows that nobody would find again if the low-water mark rose above them. */
  readonly forgotten: number
}

interface Mark {
  readonly at: number
  readonly front: bigint
}

/**
 * A pass begins at the low-water mark, so that dead rows before it cost nothing: what lies before it was looked at again when all
 * transactions that wrote there had ended. It goes on, page by page, while it brings little; otherwise the next page is the
 * first of another pass.
 */
export class Looks {
  readonly #maxPage: number
  readonly #maxSkipped: number
  #page: number
  #front = 0n
  #lowWater = 0n
  /** Where the front was when, oldest first: the low-water marks to come. */
  #marks: Mark[] = []
  #fullAt = -Infinity
  /** Rows of the last first page that may not be sent yet. */
  #skipped = 0
  /** Something may be there that no pass has shown. */
  #news = true
  /** The pass under way: where it goes on, and what it has brought. */
  #after: bigint | undefined
  #begun: { readonly at: number; readonly from: bigint } = { at: 0, from: 0n }
  #accepted = 0
  #enough = 0
  #pages = 0
  #forgotten = false
  #walkAt = -Infinity

  constructor(maxPage: number, maxSkipped: number = MAX_SKIPPED) {
    this.#maxPage = maxPage
    this.#maxSkipped = maxSkipped
    this.#page = Math.min(FIRST_PAGE, maxPage)
  }

  /** Something may have been committed. */
  wake(): void {
    this.#news = true
  }

  /** Other lanes: nothing was seen of them. */
  reset(): void {
    this.#front = 0n
    this.#lowWater = 0n
    this.#marks = []
    this.#fullAt = -Infinity
    this.#skipped = 0
    this.#after = undefined
    this.wake()
  }

  /** The next look, or none: then wait for news. */
  next({ now, known, hasRoom, wanted, unsureUpTo }: Standing): Look | undefined {
    if (this.#after !== undefined) return { after: this.#after, limit: this.#page, first: false }
    // What waits for a pass is what takes the room.
    const worthIt = unsureUpTo !== undefined || (hasRoom && (this.#news || wanted !== undefined))
    if (!worthIt) return undefined
    this.#news = false
    this.#accepted = 0
    this.#pages = 0
    this.#forgotten = false
    this.#enough = this.#page / 2
    const after = this.#beginning(now, wanted)
    this.#begun = { at: now, from: after }
    return { after, limit: this.#page + known + this.#skipped, first: true }
  }

  /**
   * What a look has shown.
   *
   * @returns how far the pass has come where it ends with this look, `'end'` where there is nothing more; else `undefined`
   */
  seen(
    look: Look,
    seen: Seen,
    { now, hasRoom, unsureUpTo }: Pick<Standing, 'now' | 'hasRoom' | 'unsureUpTo'>,
  ): bigint | 'end' | undefined {
    const { count, last, bytes } = seen
    this.#mark(last, now)
    if (look.first) this.#skipped = Math.min(this.#maxSkipped, seen.letGo)
    this.#accepted += seen.accepted
    this.#forgotten ||= seen.forgotten > 0
    if (count > 0)
      this.#page = Math.min(this.#maxPage, Math.max(1, Math.floor((PAGE_BYTES * count) / Math.max(1, bytes))))
    this.#after = undefined
    if (count < look.limit || last === undefined) {
      this.#walked(now)
      this.#raise(this.#front)
      return 'end'
    }
    if (this.#goesOn(seen, now, hasRoom) || (unsureUpTo !== undefined && last < unsureUpTo)) {
      this.#after = last
      return undefined
    }
    this.#walked(now)
    // There is more, unless all that was shown waits: then news, or an end of waiting, come first.
    this.#news ||= this.#accepted > 0
    this.#raise(last)
    return last
  }

  /** Beyond rows that are held back lie others, which must not wait for them. A long queue of one key, though, has its turn. */
  #goesOn({ letGo, heldBack }: Seen, now: number, hasRoom: boolean): boolean {
    if (!hasRoom || this.#accepted >= this.#enough || heldBack <= letGo / 2) return false
    return ++this.#pages < SHORT_WALK || now >= this.#walkAt
  }

  /** A long walk over what is held back is not begun again at once: most of the time is for the others. */
  #walked(now: number): void {
    if (this.#pages >= SHORT_WALK) this.#walkAt = now + WALK_SHARE * (now - this.#begun.at)
  }

  /** The look failed, and the pass with it: the next one begins anew. */
  failed(): void {
    this.#after = undefined
    this.#fullAt = -Infinity
    this.#news = true
  }

  #beginning(now: number, wanted: bigint | undefined): bigint {
    if (now >= this.#fullAt + FULL_PASS_MS) {
      this.#fullAt = now
      return 0n
    }
    return wanted === undefined || this.#lowWater < wanted ? this.#lowWater : wanted
  }

  #mark(last: bigint | undefined, now: number): void {
    if (last !== undefined && last > this.#front) {
      this.#front = last
      // A mark each hundredth of the time is near enough.
      if (now > (this.#marks.at(-1)?.at ?? -Infinity) + LATE_MS / 100) this.#marks.push({ at: now, front: last })
    }
  }

  /** A pass has ended there. What was seen before such a pass began, by so long, had all been committed when it came by. */
  #raise(coveredTo: bigint): void {
    if (this.#begun.from > this.#lowWater || this.#forgotten) return
    for (let [mark] = this.#marks; mark !== undefined; [mark] = this.#marks) {
      if (mark.at > this.#begun.at - LATE_MS || mark.front > coveredTo) return
      this.#lowWater = mark.front
      this.#marks.shift()
    }
  }
}
