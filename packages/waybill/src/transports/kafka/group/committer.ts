import { asError } from '../../../message/as-error.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { brokerError, CODE, isPassing } from '../kafka-errors.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { ConsumerMember } from './consumer-member.ts'
import type { ContiguousOffsets } from './contiguous-offsets.ts'

/** Commits of this time go together. */
const GATHER_MS = 25
/** Of the last commit before a partition is let go. What is not committed is done again by its next owner. */
const LAST_TRIES = 20

interface Tracked {
  readonly topic: string
  readonly partition: number
  readonly offsets: ContiguousOffsets
  committed: string
}

export interface Committed {
  /** -1: none. */
  readonly offset: bigint
  readonly metadata: string
}

/**
 * Commits what is contiguous and settled, of all partitions that a member of a consumer group has, its lanes' included.
 * The coordinator refuses commits of who is no longer a member.
 */
export class Committer {
  readonly #link: KafkaLink
  readonly #group: string
  readonly #member: ConsumerMember
  readonly #lost: (error: Error) => void
  readonly #tracked = new Map<string, Tracked>()
  #timer: Timer | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(link: KafkaLink, group: string, member: ConsumerMember, lost: (error: Error) => void) {
    this.#link = link
    this.#group = group
    this.#member = member
    this.#lost = lost
  }

  async committed(topic: string, partition: number): Promise<Committed> {
    const { session } = this.#link
    const groupId = this.#group
    const wanted = [{ groupId, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [partition] }] }]
    const answer = await session.coordinated(
      'group',
      groupId,
      session.driver.offsetFetchV9.api,
      ({ groups }) => groups[0]?.errorCode ?? CODE.none,
      wanted,
      false,
    )
    const found = answer.groups[0]?.topics[0]?.partitions[0]
    const code = answer.groups[0]?.errorCode || found?.errorCode || CODE.none
    if (code !== CODE.none) throw brokerError(code, `offsets of group ${groupId}`)
    return { offset: found?.committedOffset ?? -1n, metadata: found?.metadata ?? '' }
  }

  track(topic: string, partition: number, offsets: ContiguousOffsets): void {
    this.#tracked.set(`${partition}/${topic}`, { topic, partition, offsets, committed: stateOf(offsets) })
  }

  /** Something was settled. */
  changed(): void {
    this.#timer ??= this.#link.session.runtime.setTimer(GATHER_MS, () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  /** Resolves when everything settled so far is committed, or cannot be. */
  flush(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#commit())
    return this.#turn
  }

  /** The last commit of these, and no more. */
  async forget(...places: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    const tracked = places.flatMap(({ topic, partition }) => this.#tracked.get(`${partition}/${topic}`) ?? [])
    // While the member's epoch changes a commit is refused, and is taken a moment later.
    for (let n = 0; n < LAST_TRIES && this.#link.session.fault === undefined; n++) {
      await this.flush()
      if (tracked.every(({ offsets, committed }) => stateOf(offsets) === committed)) break
      await new Promise<void>((resolve) => void this.#link.session.runtime.setTimer(GATHER_MS, resolve))
    }
    for (const { topic, partition } of places) this.#tracked.delete(`${partition}/${topic}`)
  }

  end(): void {
    this.#timer?.cancel()
    this.#tracked.clear()
  }

  async #commit(): Promise<void> {
    const changed = [...this.#tracked.values()].filter((each) => stateOf(each.offsets) !== each.committed)
    if (changed.length === 0 || this.#link.session.fault !== undefined) return
    const states = changed.map(({ offsets }) => stateOf(offsets))
    const topics = changed.map(({ topic, partition, offsets }) => ({
      name: topic,
      partitions: [
        {
          partitionIndex: partition,
          committedOffset: offsets.position,
          committedLeaderEpoch: -1,
          committedMetadata: offsets.metadata,
        },
      ],
    }))
    try {
      const { session } = this.#link
      const answer = await session.coordinated(
        'group',
        this.#group,
        session.driver.offsetCommitV9.api,
        (each) => each.topics.flatMap(({ partitions }) => partitions).find(isPassingPartition)?.errorCode ?? CODE.none,
        this.#group,
        this.#member.epoch,
        this.#member.id,
        null,
        topics,
      )
      const codes = answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
      const fault = codes.find((code) => code !== CODE.none)
      if (fault === undefined) changed.forEach((each, n) => (each.committed = states[n] ?? ''))
      // The coordinator has moved on to a new epoch, which the next heartbeat tells.
      else if (fault === CODE.staleMemberEpoch || isPassing(fault)) this.changed()
      else this.#lost(brokerError(fault, `commit of group ${this.#group}`))
    } catch (error) {
      if (this.#link.session.fault === undefined) this.#lost(asError(error))
    }
  }
}

function isPassingPartition({ errorCode }: { readonly errorCode: number }): boolean {
  return isPassing(errorCode)
}

function stateOf(offsets: ContiguousOffsets): string {
  return `${offsets.position} ${offsets.doneBeyond}`
}
