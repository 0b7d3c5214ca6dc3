import type { QueueConsumer } from './queue-consumer.ts'

/** Consumers of one priority, in the order of their registration. */
interface Group {
  readonly priority: number
  readonly consumers: QueueConsumer[]
  turn: number
}

/**
 * Whose turn it is: round robin among those of the highest priority that have credit. With a single active consumer, it is
 * the first one registered; when that goes, the first one of the highest priority.
 */
export class ConsumerTurns {
  readonly #singleActive: boolean
  /** The highest priority first. */
  readonly #groups: Group[] = []
  #count = 0
  #active: QueueConsumer | undefined

  constructor(singleActive: boolean) {
    this.#singleActive = singleActive
  }

  get count(): number {
    return this.#count
  }

  /** Where only one consumes: which. */
  get active(): QueueConsumer | undefined {
    return this.#singleActive ? this.#active : undefined
  }

  all(): readonly QueueConsumer[] {
    return this.#groups.flatMap((group) => group.consumers)
  }

  add(consumer: QueueConsumer): void {
    this.#groupOf(consumer.priority).consumers.push(consumer)
    this.#count++
    this.#active ??= consumer
  }

  /** `false` when it is not here. */
  remove(consumer: QueueConsumer): boolean {
    const group = this.#groups.find(({ priority }) => priority === consumer.priority)
    const at = group?.consumers.indexOf(consumer) ?? -1
    if (group === undefined || at === -1) return false
    group.consumers.splice(at, 1)
    if (at < group.turn) group.turn--
    if (group.consumers.length === 0) this.#groups.splice(this.#groups.indexOf(group), 1)
    this.#count--
    if (consumer === this.#active) this.#active = this.#groups[0]?.consumers[0]
    return true
  }

  /** How many messages can be taken now, by all together. */
  get credit(): number {
    if (this.#singleActive) return this.#active?.credit ?? 0
    let sum = 0
    for (const { consumers } of this.#groups) for (const { credit } of consumers) sum += Math.max(0, credit)
    return sum
  }

  /** The next consumer that can take a message. */
  next(): QueueConsumer | undefined {
    if (this.#singleActive) return hasCredit(this.#active) ? this.#active : undefined
    for (const group of this.#groups) {
      const consumer = nextOf(group)
      if (consumer !== undefined) return consumer
    }
    return undefined
  }

  #groupOf(priority: number): Group {
    const after = this.#groups.findIndex((group) => group.priority <= priority)
    const found = this.#groups[after]
    if (found?.priority === priority) return found
    const group = { priority, consumers: [], turn: 0 }
    this.#groups.splice(after === -1 ? this.#groups.length : after, 0, group)
    return group
  }
}

function nextOf(group: Group): QueueConsumer | undefined {
  const { consumers } = group
  for (let tried = 0; tried < consumers.length; tried++) {
    if (group.turn >= consumers.length) group.turn = 0
    const consumer = consumers[group.turn++]
    if (hasCredit(consumer)) return consumer
  }
  return undefined
}

function hasCredit(consumer: QueueConsumer | undefined): consumer is QueueConsumer {
  return consumer !== undefined && consumer.credit > 0
}
