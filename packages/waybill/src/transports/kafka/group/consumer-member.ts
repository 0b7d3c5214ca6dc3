// This process as a member of a consumer group of KIP-848: the coordinator gives each partition to one member, and to
// another one only when the former has said that it let go, or has not been heard for the session time-out.
import { asError } from '../../../message/as-error.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { brokerError, CODE, isPassing } from '../kafka-errors.ts'
import type { KafkaLink } from '../kafka-link.ts'

const JOIN = 0
const LEAVE = -1
/** How long a member may take to let go of a partition: longer than its handlers are given. */
const REBALANCE_TIMEOUT_MS = 60_000
/** A coordinator asks for a heartbeat every five seconds, and a partition moves in two of them. */
const SLOWEST_BEAT_MS = 1_000

export interface MemberEvents {
  assigned(partition: number): void
  /** Resolves when nothing of ours touches the partition any more. */
  revoked(partition: number): Promise<void>
  /** The coordinator no longer counts it. */
  lost(error: Error): void
}

interface HeartbeatAnswer {
  readonly errorCode: number
  readonly errorMessage?: string | null | undefined
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly assignment: { readonly topicPartitions: readonly { readonly partitions: readonly number[] }[] } | null
}

export class ConsumerMember {
  readonly id: string
  readonly #link: KafkaLink
  readonly #group: string
  readonly #topic: string
  readonly #events: MemberEvents
  readonly #owned = new Set<number>()
  readonly #revoking = new Set<number>()
  #epoch: number = JOIN
  #timer: Timer | undefined
  #beating: Promise<unknown> = Promise.resolve()
  #changed = true
  #intervalMs = 0
  #ended = false

  constructor(id: string, link: KafkaLink, group: string, topic: string, events: MemberEvents) {
    this.id = id
    this.#link = link
    this.#group = group
    this.#topic = topic
    this.#events = events
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Resolves when the coordinator counts it; partitions come when they are free. */
  async join(): Promise<void> {
    const answer = await this.#beat()
    if (answer.errorCode !== CODE.none) throw this.#error(answer)
    this.#adopt(answer)
    this.#next()
  }

  /** Nothing of ours touches any partition any more. */
  async leave(): Promise<void> {
    if (this.#ended) return
    this.end()
    await this.#beating
    if (this.#epoch === JOIN) return
    this.#epoch = LEAVE
    await this.#beat()
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  #next(afterMs = this.#intervalMs): void {
    this.#timer?.cancel()
    if (this.#ended) return
    this.#timer = this.#link.session.runtime.setTimer(afterMs, () => {
      this.#timer = undefined
      this.#beating = this.#beat().then(
        (answer) => {
          if (this.#ended) return
          if (answer.errorCode === CODE.none) this.#adopt(answer)
          else if (!isPassing(answer.errorCode)) return this.#fail(this.#error(answer))
          // Something may have changed while it was on its way.
          this.#next(this.#changed ? 0 : this.#intervalMs)
        },
        (error: unknown) => this.#fail(asError(error)),
      )
    })
  }

  #adopt({ memberEpoch, heartbeatIntervalMs, assignment }: HeartbeatAnswer): void {
    this.#epoch = memberEpoch
    this.#intervalMs = Math.min(heartbeatIntervalMs, SLOWEST_BEAT_MS)
    if (assignment === null) return
    const target = new Set(assignment.topicPartitions.flatMap(({ partitions }) => partitions))
    for (const partition of this.#owned)
      if (!target.has(partition) && !this.#revoking.has(partition)) this.#revoke(partition)
    for (const partition of target) {
      // One that comes back while it is let go is taken when that is done: the coordinator offers it again.
      if (this.#owned.has(partition)) continue
      this.#owned.add(partition)
      this.#changed = true
      this.#events.assigned(partition)
    }
  }

  #revoke(partition: number): void {
    this.#revoking.add(partition)
    void this.#events.revoked(partition).then(() => {
      this.#revoking.delete(partition)
      this.#owned.delete(partition)
      this.#changed = true
      // Others wait for it. A heartbeat that is on its way has the next one follow.
      if (this.#timer !== undefined) this.#next(0)
    })
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.end()
    this.#events.lost(error)
  }

  #beat(): Promise<HeartbeatAnswer> {
    const { session } = this.#link
    const joining = this.#epoch === JOIN
    const topicId = session.knownTopic(this.#topic)?.id ?? ''
    const owned = this.#owned.size === 0 ? [] : [{ topicId, partitions: [...this.#owned] }]
    const says = joining || (this.#changed && this.#epoch !== LEAVE)
    this.#changed = false
    return session.coordinated(
      'group',
      this.#group,
      session.driver.consumerGroupHeartbeatV0.api,
      (answer) => answer.errorCode,
      this.#group,
      this.id,
      this.#epoch,
      null,
      null,
      REBALANCE_TIMEOUT_MS,
      joining ? [this.#topic] : null,
      null,
      null,
      says ? owned : null,
    )
  }

  #error({ errorCode, errorMessage }: HeartbeatAnswer): Error {
    return brokerError(errorCode, `the coordinator of consumer group ${this.#group}`, errorMessage)
  }
}
