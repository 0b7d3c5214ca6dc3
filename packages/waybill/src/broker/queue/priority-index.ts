import type { Message } from '../message.ts'
import { MessageIndex } from './message-index.ts'
import type { QueueIndex } from './queue-index.ts'

/** Positions of one priority: more than any queue will ever see, and 256 times that is still a whole number. */
const SPAN = 2 ** 44

interface Level {
  readonly base: number
  readonly index: MessageIndex
}

/**
 * The messages of a queue with priorities: an index for each priority in use, the highest first. A position says its
 * priority, so that positions count up in the order in which messages go out.
 *
 *   position = (highest priority - priority) * SPAN + position within the priority
 */
export class PriorityIndex implements QueueIndex {
  readonly #highest: number
  /** By `highest priority - priority`; made when the first message of a priority arrives. */
  readonly #byRank: (Level | undefined)[]
  /** Those that there are, the highest priority first. */
  #levels: readonly Level[] = []

  /** @param highest 255 at most; higher priorities count as this one */
  constructor(highest: number) {
    this.#highest = highest
    this.#byRank = Array.from({ length: highest + 1 })
  }

  get ready(): number {
    return this.#sum((index) => index.ready)
  }

  get unsettled(): number {
    return this.#sum((index) => index.unsettled)
  }

  get room(): number {
    return this.#sum((index) => index.room)
  }

  append(sequence: number, message: Message | undefined, deadline: number, size: number, priority: number): number {
    const rank = this.#highest - Math.min(priority, this.#highest)
    const { base, index } = this.#byRank[rank] ?? this.#add(rank)
    return base + index.append(sequence, message, deadline, size)
  }

  nextReady(from = 0): number {
    for (const { base, index } of this.#levels) {
      const found = index.nextReady(Math.max(0, from - base))
      if (found !== -1) return base + found
    }
    return -1
  }

  nextLive(from: number): number {
    for (const { base, index } of this.#levels) {
      const found = index.nextLive(Math.max(0, from - base))
      if (found !== -1) return base + found
    }
    return -1
  }

  returned(): readonly number[] {
    return this.#levels.flatMap(({ base, index }) => index.returned().map((position) => base + position))
  }

  take(position: number): number {
    return this.#of(position).take(position % SPAN)
  }

  withhold(position: number): void {
    this.#of(position).withhold(position % SPAN)
  }

  putBack(position: number): boolean {
    return this.#of(position).putBack(position % SPAN)
  }

  remove(position: number): boolean {
    return this.#of(position).remove(position % SPAN)
  }

  isLive(position: number): boolean {
    return this.#of(position).isLive(position % SPAN)
  }

  isReady(position: number): boolean {
    return this.#of(position).isReady(position % SPAN)
  }

  sequence(position: number): number {
    return this.#of(position).sequence(position % SPAN)
  }

  deliveries(position: number): number {
    return this.#of(position).deliveries(position % SPAN)
  }

  isUncounted(position: number): boolean {
    return this.#of(position).isUncounted(position % SPAN)
  }

  deadline(position: number): number {
    return this.#of(position).deadline(position % SPAN)
  }

  size(position: number): number {
    return this.#of(position).size(position % SPAN)
  }

  message(position: number): Message | undefined {
    return this.#of(position).message(position % SPAN)
  }

  setMessage(position: number, message: Message | undefined): void {
    this.#of(position).setMessage(position % SPAN, message)
  }

  setDeadline(position: number, deadline: number): void {
    this.#of(position).setDeadline(position % SPAN, deadline)
  }

  counted(position: number): void {
    this.#of(position).counted(position % SPAN)
  }

  setDeliveries(position: number, deliveries: number, suspect: boolean): void {
    this.#of(position).setDeliveries(position % SPAN, deliveries, suspect)
  }

  #of(position: number): MessageIndex {
    return (this.#byRank[Math.floor(position / SPAN)] as Level).index // a position was given out by its level
  }

  #add(rank: number): Level {
    const level = { base: rank * SPAN, index: new MessageIndex() }
    this.#byRank[rank] = level
    this.#levels = this.#byRank.filter((each) => each !== undefined)
    return level
  }

  #sum(count: (index: MessageIndex) => number): number {
    let sum = 0
    for (const { index } of this.#levels) sum += count(index)
    return sum
  }
}
