import type { Msg, Subscription as NatsSubscription } from '@nats-io/transport-node'
import { ConfirmedMoves } from '../../transport/confirmed-moves.ts'
import type { LocalDelivery } from '../../transport/local-delivery.ts'
import type { Reject } from '../../transport/local-queue.ts'
import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { decodeMessage } from './message-mapping.ts'
import { nameToken } from './name-token.ts'
import { operationError } from './nats-errors.ts'
import { subjectOf, type Publication } from './publisher.ts'
import { RollCall } from './roll-call.ts'
import { deadLetterPublication } from './settlement.ts'
import type { Wire } from './wire.ts'

/**
 * Queries and surveys of a group, replies to one process, signals: what is for who listens now. Core NATS sends whatever
 * comes: beyond what may wait here, the newest are dropped, and that is said.
 */
export class CoreSource implements LocalSource {
  readonly address: string | undefined
  readonly hasGaps: boolean
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #subjects: readonly string[]
  /** Of dead letters in this process: what tells them apart in their stream. */
  #rejected = 0

  constructor(spec: SubscriptionSpec, context: Context) {
    const { channel } = spec.group
    this.hasGaps = spec.transient
    this.#spec = spec
    this.#context = context
    this.address =
      channel.kind === 'reply'
        ? `${context.settings.inboxPrefix}.${context.runtime.newId().replaceAll('-', '')}.${nameToken(channel.name)}`
        : undefined
    this.#subjects = this.address === undefined ? context.names.coreSubjects(spec.group) : [this.address]
  }

  attachment(intake: Intake): LocalAttachment {
    return new CoreAttachment(this.#spec, this.#context, this.#subjects, () => ++this.#rejected, intake)
  }
}

class CoreAttachment implements LocalAttachment {
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #subjects: readonly string[]
  readonly #nextRejected: () => number
  readonly #intake: Intake
  readonly #wire: Wire
  readonly #moves: ConfirmedMoves<Publication>
  #subscriptions: readonly NatsSubscription[] = []
  /** One instance alone is no member of a group. */
  #rollCall: RollCall | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    subjects: readonly string[],
    nextRejected: () => number,
    intake: Intake,
  ) {
    const { declarer, runtime } = context
    this.#spec = spec
    this.#context = context
    this.#subjects = subjects
    this.#nextRejected = nextRejected
    this.#intake = intake
    this.#wire = context.wire()
    this.#moves = new ConfirmedMoves(this.#wire.publisher, runtime, () => declarer.side(spec.group.channel), subjectOf)
  }

  /** Resolves when the server sends to it. */
  async begin(): Promise<void> {
    const { declarer, names } = this.#context
    const { group, transient } = this.#spec
    const { connection } = this.#wire
    if (!transient) await declarer.group(group)
    const callback = (error: Error | null, message: Msg): void => {
      // The server has ended it, for instance for want of a permission.
      if (error !== null)
        this.#intake.lost(operationError(`group ${group.name} of channel ${group.channel.name}`, error)) // prettier-ignore
      else this.#intake.offer(() => decodeMessage(message.headers, message.data), 0)
    }
    // Members of a group share what comes; one instance alone has everything.
    const shared = transient ? {} : { queue: nameToken(group.name) }
    this.#subscriptions = this.#subjects.map((subject) => connection.subscribe(subject, { ...shared, callback }))
    if (!transient) this.#rollCall = new RollCall(connection, names.here(group))
    await connection.flush()
  }

  /** It is sent whatever comes. */
  freed(): void {}

  rejected({ message }: LocalDelivery, reject: Reject): void {
    const { names, runtime } = this.#context
    const { group, transient } = this.#spec
    // A transient subscription leaves nothing behind; its owner knows that it failed.
    if (transient || (reject.reason === 'expired' && vanishesWhenExpired(message))) return
    const place = { of: `${message.id}/${message.attempt}`, sequence: this.#nextRejected() }
    const letter = deadLetterPublication(message, group, reject, place, names, runtime.now())
    this.#moves.move({ ...letter, messageId: undefined }, (error) => {
      if (error !== undefined) this.#context.emit({ type: 'error', error })
    })
  }

  /** What other members could take must not come here any more. */
  async leave(): Promise<void> {
    this.#rollCall?.end()
    await Promise.all(this.#subscriptions.map((each) => each.drain()))
  }

  end(): void {
    this.#moves.end()
    if (this.#wire.connection.isClosed()) return
    this.#rollCall?.end()
    for (const each of this.#subscriptions) each.unsubscribe()
  }
}
