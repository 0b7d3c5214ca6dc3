// How often messages of a shard were handed out, with nothing written before the first time. Who takes a shard over from an owner
// that went without a word, or with messages in hand, suspects what that owner may have had: before it hands such a message out,
// it stores a note in the lane, which counts. A note is kept until its message is settled; the next one takes its place.
import type { OwnersWord } from './lane-message.ts'
import type { ShardItem } from './shard-item.ts'

/** Messages of a partition that are suspected at the least: what an owner has in its gate. */
const LEAST_SUSPECTS = 1_000

export interface CountsEffects {
  /** Stores a note in the lane; `stored` is called when it is there, and it is read back, too. */
  store(place: string, count: number, stored: () => void): void
  /** This offset of the lane is needed no more. */
  done(offset: bigint): void
}

/** How a shard was when it was taken. */
export interface TakenShard {
  /** What lies in the lane before it was the former owner's. */
  readonly marker: bigint
  /** Where the channel's partition, and that of what came back, ended. */
  readonly ends: { readonly main: bigint; readonly again: bigint }
  /** Messages in a gate. */
  readonly window: number
  /** Whether a message is known to be settled. */
  readonly wasDone: Readonly<Record<ShardItem['from'], (offset: bigint) => boolean>>
}

interface Note {
  readonly count: number
  /** In the lane; until it is read back, that of the note before it. */
  at: bigint | undefined
}

export class DeliveryCounts {
  readonly #effects: CountsEffects
  readonly #notes = new Map<string, Note>()
  readonly #left = { main: 0, again: 0 }
  #suspected: TakenShard | undefined
  /** What a former owner said last: nothing, where nobody was there. */
  #lastWord: 'marker' | 'left' | undefined
  #isOpen = false

  constructor(effects: CountsEffects) {
    this.#effects = effects
  }

  /** What an owner said in the lane, in its order. @param isFormer it was a former owner */
  heard(said: OwnersWord, offset: bigint, isFormer: boolean): void {
    if (said.word === 'counted') return this.#noted(said.place, said.count, offset)
    this.#effects.done(offset)
    if (isFormer) this.#lastWord = said.word
  }

  /** All that former owners said is known. */
  open(taken: TakenShard): void {
    this.#isOpen = true
    // A lane that begins with our own marker had nobody before.
    if (this.#lastWord !== 'left' && taken.marker > 0n) this.#suspected = taken
    this.#left.main = this.#left.again = Math.max(LEAST_SUSPECTS, 2 * taken.window)
    for (const place of this.#notes.keys()) {
      const [from = '', offset = ''] = place.split('/')
      const wasDone = taken.wasDone[from as ShardItem['from']] as TakenShard['wasDone']['main'] | undefined // if it is one
      if (wasDone === undefined || !/^\d+$/.test(offset) || wasDone(BigInt(offset))) this.settled(place)
    }
  }

  /** Asked once for each message, in the order of its partition. */
  isSuspect({ from, offset }: Pick<ShardItem, 'from' | 'offset'>): boolean {
    if (this.#notes.has(placeOf({ from, offset }))) return true
    if (this.#suspected === undefined) return false
    if (from === 'lane') return offset < this.#suspected.marker
    return offset < this.#suspected.ends[from] && this.#left[from]-- > 0
  }

  /** It is about to be handed out. @param counted with how often that is, the first time, which nobody counted, included */
  count(place: string, counted: (deliveryCount: number) => void): void {
    const known = this.#notes.get(place)
    const count = (known?.count ?? 0) + 1
    this.#notes.set(place, { count, at: known?.at })
    this.#effects.store(place, count, () => counted(count + 1))
  }

  settled(place: string): void {
    const note = this.#notes.get(place)
    if (note === undefined) return
    this.#notes.delete(place)
    if (note.at !== undefined) this.#effects.done(note.at)
  }

  /** A note that lies there for long must not keep what came and went after it: it is stored once more. */
  renew(offset: bigint): void {
    for (const [place, { at, count }] of this.#notes)
      if (at === offset) this.#effects.store(place, count, () => undefined)
  }

  #noted(place: string, count: number, offset: bigint): void {
    const known = this.#notes.get(place)
    // Its message was settled before it was read back.
    if (known === undefined && this.#isOpen) return this.#effects.done(offset)
    if (known?.at !== undefined) this.#effects.done(known.at)
    this.#notes.set(place, { count: Math.max(count, known?.count ?? 0), at: offset })
  }
}

export function placeOf({ from, offset }: Pick<ShardItem, 'from' | 'offset'>): string {
  return `${from}/${offset}`
}
