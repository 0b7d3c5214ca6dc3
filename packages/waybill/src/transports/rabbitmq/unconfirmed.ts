import type { Publication, PublishResult } from '../amqp/engine.ts'
import type { Batch } from './batch.ts'

const ACCEPTED: PublishResult = Object.freeze({ outcome: 'accepted' })

/** Publications of a batch written one after another: delivery tags `first` to `end - 1`, from index `from`. */
interface Segment {
  readonly batch: Batch
  readonly from: number
  readonly first: number
  end: number
  /** How many of them are not answered. */
  open: number
}

/**
 * What one confirm channel has written and the broker has not answered yet. Tags count from 1 on each channel, and
 * confirms come for one tag or for all up to one; nothing is kept for a message but its place in its batch.
 */
export class Unconfirmed {
  #segments: Segment[] = []
  /** Segments before it are answered in full; they are dropped when they are many. */
  #head = 0
  #nextTag = 1
  /** Every tag below it is answered; those above may be too. A cumulative confirm starts here. */
  #lowest = 1
  /** Returns come in the order of their publishes, so the search for one goes on behind the last. */
  #returnsFrom = 1

  get isEmpty(): boolean {
    return this.#head === this.#segments.length
  }

  /** `batch.publications[index]` has just been written. */
  written(batch: Batch, index: number): void {
    const tag = this.#nextTag++
    const last = this.#segments.at(-1)
    if (last !== undefined && last.batch === batch && last.from + tag - last.first === index) {
      last.end = tag + 1
      last.open++
    } else this.#segments.push({ batch, from: index, first: tag, end: tag + 1, open: 1 })
  }

  /** A confirm. `refusal` is why, on a nack. */
  confirm(tag: number, multiple: boolean, refusal?: (publication: Publication) => PublishResult): void {
    if (!multiple) {
      const segment = this.#find(tag)
      if (segment !== undefined) answer(segment, tag, refusal)
      if (tag === this.#lowest) this.#lowest = tag + 1
    } else {
      for (let at = this.#head; at < this.#segments.length; at++) {
        const segment = this.#segments[at] as Segment // below length
        if (segment.first > tag) break
        const end = Math.min(segment.end, tag + 1)
        for (let each = Math.max(segment.first, this.#lowest); each < end; each++) answer(segment, each, refusal)
      }
      if (tag >= this.#lowest) this.#lowest = tag + 1
    }
    this.#dropAnswered()
  }

  /** basic.return, which precedes the confirm of the same publish. */
  returned(exchange: string, routingKey: string, messageId: string): void {
    let tag = Math.max(this.#returnsFrom, this.#lowest)
    for (let at = this.#indexOf(tag); at < this.#segments.length; at++) {
      const segment = this.#segments[at] as Segment // below length
      for (tag = Math.max(tag, segment.first); tag < segment.end; tag++)
        if (segment.batch.markReturned(segment.from + tag - segment.first, exchange, routingKey, messageId)) {
          this.#returnsFrom = tag + 1
          return
        }
    }
  }

  /** The channel is gone: whatever is unanswered stays so. */
  lost(result: PublishResult): void {
    const segments = this.#segments
    this.#segments = []
    for (let at = this.#head; at < segments.length; at++) {
      const { batch, from, first, end } = segments[at] as Segment // below length
      for (let index = from; index < from + end - first; index++) batch.answer(index, result)
    }
    this.#head = 0
  }

  #find(tag: number): Segment | undefined {
    const segment = this.#segments[this.#indexOf(tag)]
    return segment !== undefined && segment.first <= tag ? segment : undefined
  }

  /** The first segment that ends behind `tag`. Confirms mostly concern the oldest, so that one is looked at first. */
  #indexOf(tag: number): number {
    let low = this.#head
    const head = this.#segments[low]
    if (head === undefined || tag < head.end) return low
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#segments[middle] as Segment).end <= tag)
        low = middle + 1 // below length
      else high = middle
    }
    return low
  }

  /** Drops what is answered in full; moving the array only when that halves it keeps it cheap. */
  #dropAnswered(): void {
    while (this.#segments[this.#head]?.open === 0) this.#head++
    if (this.#head > 32 && this.#head * 2 > this.#segments.length) {
      this.#segments.splice(0, this.#head)
      this.#head = 0
    }
  }
}

function answer(
  segment: Segment,
  tag: number,
  refusal: ((publication: Publication) => PublishResult) | undefined,
): void {
  const index = segment.from + tag - segment.first
  const { batch } = segment
  const result = refusal === undefined ? ACCEPTED : refusal(batch.publications[index] as Publication) // written
  if (batch.answer(index, result)) segment.open--
}
