import { asError } from '../../../message/as-error.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { brokerError, CODE, isPassing } from '../kafka-errors.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { JOIN, LEAVE } from './share-apis.ts'
import type { ShareHeartbeatAnswer } from './wire/share-heartbeat.ts'

/**
 * This process as a member of a share group, for as long as the coordinator hears its heart beat. What it assigns is not
 * looked at: any member may fetch from any partition, and the leader hands each record to one of them.
 */
export class ShareMember {
  readonly id: string
  readonly #link: KafkaLink
  readonly #group: string
  readonly #topics: readonly string[]
  readonly #lost: (error: Error) => void
  #epoch: number = JOIN
  #timer: Timer | undefined
  #beating: Promise<unknown> = Promise.resolve()
  #ended = false

  /** @param lost the coordinator no longer counts it */
  constructor(id: string, link: KafkaLink, group: string, topics: readonly string[], lost: (error: Error) => void) {
    this.id = id
    this.#link = link
    this.#group = group
    this.#topics = topics
    this.#lost = lost
  }

  /** Resolves when the coordinator counts it. */
  async join(): Promise<void> {
    const answer = await this.#beat(this.#topics)
    if (answer.errorCode !== CODE.none) throw this.#error(answer)
    this.#epoch = answer.memberEpoch
    this.#next(answer.heartbeatIntervalMs)
  }

  async leave(): Promise<void> {
    if (this.#ended) return
    this.end()
    await this.#beating
    if (this.#epoch === JOIN) return
    this.#epoch = LEAVE
    await this.#beat(null)
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  #next(afterMs: number): void {
    if (this.#ended) return
    this.#timer = this.#link.session.runtime.setTimer(afterMs, () => {
      this.#beating = this.#beat(null).then(
        (answer) => {
          if (this.#ended) return
          if (answer.errorCode === CODE.none) this.#epoch = answer.memberEpoch
          else if (!isPassing(answer.errorCode)) return this.#fail(this.#error(answer))
          this.#next(answer.heartbeatIntervalMs || afterMs)
        },
        (error: unknown) => this.#fail(asError(error)),
      )
    })
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.end()
    this.#lost(error)
  }

  #beat(topics: readonly string[] | null): Promise<ShareHeartbeatAnswer> {
    const { session, share } = this.#link
    const codeOf = (answer: ShareHeartbeatAnswer): number => answer.errorCode
    return session.coordinated('group', this.#group, share.heartbeat, codeOf, this.#group, this.id, this.#epoch, topics)
  }

  #error({ errorCode, errorMessage }: ShareHeartbeatAnswer): Error {
    return brokerError(errorCode, `the coordinator of share group ${this.#group}`, errorMessage)
  }
}
