import type { Acknowledgement, TopicAcknowledgements } from './wire/topic-acknowledgements.ts'

interface Place {
  readonly topicId: string
  readonly partition: number
  /** By offset. */
  readonly types: Map<bigint, number>
}

/** Acknowledgements for one broker, until the next request takes them along. */
export class PendingAcknowledgements {
  readonly #places = new Map<string, Place>()
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  add(topicId: string, partition: number, offset: bigint, type: number): void {
    const key = `${partition}/${topicId}`
    let place = this.#places.get(key)
    if (place === undefined) this.#places.set(key, (place = { topicId, partition, types: new Map() }))
    place.types.set(offset, type)
    this.#count++
  }

  /** All of them, neighbours of one type together, and none for the partitions of `others`. */
  take(others: readonly { readonly topicId: string; readonly partition: number }[] = []): TopicAcknowledgements[] {
    const topics = new Map<string, Map<number, readonly Acknowledgement[]>>()
    const of = (topicId: string): Map<number, readonly Acknowledgement[]> => {
      let partitions = topics.get(topicId)
      if (partitions === undefined) topics.set(topicId, (partitions = new Map()))
      return partitions
    }
    for (const { topicId, partition } of others) of(topicId).set(partition, [])
    for (const { topicId, partition, types } of this.#places.values()) of(topicId).set(partition, ranges(types))
    this.#places.clear()
    this.#count = 0
    return [...topics].map(([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions].map(([partition, acknowledgements]) => ({ partition, acknowledgements })),
    }))
  }
}

function ranges(types: ReadonlyMap<bigint, number>): readonly Acknowledgement[] {
  const ranged: { first: bigint; last: bigint; type: number }[] = []
  const sorted = [...types].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [offset, type] of sorted) {
    const before = ranged.at(-1)
    if (before !== undefined && before.type === type && before.last === offset - 1n) before.last = offset
    else ranged.push({ first: offset, last: offset, type })
  }
  return ranged
}
