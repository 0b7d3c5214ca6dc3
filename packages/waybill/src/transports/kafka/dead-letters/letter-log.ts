import type { FetchedRecord } from '../partition-reader.ts'
import { kindOf } from './letter-record.ts'
import { OffsetRanges } from './offset-ranges.ts'

/** What a visit has said. */
export interface Note {
  readonly visit: string
  /** Of the note itself. */
  readonly at: number
  readonly letters: ReadonlySet<number>
  /** When it was read here; monotonic milliseconds. */
  readonly seenAt: number
}

/** What a `--dead` topic says, read from its beginning: which letters are there, and which of them visits are about to decide on. */
export class LetterLog {
  readonly letters: OffsetRanges = new OffsetRanges()
  readonly #notes = new Map<string, Note>()
  #position: number

  /** @param from the oldest offset that is kept */
  constructor(from: number) {
    this.#position = from
  }

  /** The first offset that it has not seen. */
  get position(): number {
    return this.#position
  }

  /** Visits that are going to decide on letters, or have died before they could. */
  get visits(): readonly string[] {
    return [...this.#notes.keys()]
  }

  learn(record: FetchedRecord, now: number): void {
    const at = Number(record.offset)
    this.#position = at + 1
    const found = kindOf(record)
    if (found.kind === 'letter') this.letters.append(at)
    else if (found.kind === 'removal') this.letters.delete(found.offset)
    else if (found.kind === 'note' && found.offsets.length > 0)
      this.#notes.set(found.visit, { visit: found.visit, at, letters: new Set(found.offsets), seenAt: now })
    else if (found.kind === 'note') this.#notes.delete(found.visit)
  }

  /** Nothing before it is kept any more. */
  trimmed(before: number): void {
    this.letters.deleteBefore(before)
    this.#position = Math.max(this.#position, before)
  }

  /** What other visits have said before `at` of one of these letters that is still there. */
  before(at: number, visit: string, letters: readonly number[]): readonly Note[] {
    const there = letters.filter((each) => this.letters.has(each))
    return [...this.#notes.values()].filter(
      (note) => note.visit !== visit && note.at < at && there.some((each) => note.letters.has(each)),
    )
  }

  /** It was here, and has gone without a word. */
  forget(visit: string): void {
    this.#notes.delete(visit)
  }
}
