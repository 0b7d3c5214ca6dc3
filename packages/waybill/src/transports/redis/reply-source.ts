import type { Timer } from '../../runtime/runtime.ts'
import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import { text, type Connection, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { Fetching } from './fetching.ts'
import { decodeMessage, fieldsIn } from './message-mapping.ts'

/** The stream outlives a link that is lost and taken up again, and goes soon after its process. */
const LEASES_KEPT = 4
const LEAST_KEPT_MS = 30_000

/**
 * Replies to one process: a stream of its own, which expires with it. A stream and not Pub/Sub, because it holds what comes while
 * the process is busy, and because who answers is told at once whether anybody is there, also in a cluster.
 */
export class ReplySource implements LocalSource {
  readonly address: string
  readonly hasGaps: boolean = true
  readonly #context: Context

  constructor({ group }: SubscriptionSpec, context: Context) {
    this.#context = context
    this.address = context.names.here(group.channel, context.runtime.newId())
  }

  attachment(intake: Intake): LocalAttachment {
    return new ReplyAttachment(this.address, this.#context, intake)
  }
}

class ReplyAttachment implements LocalAttachment {
  readonly #address: string
  readonly #context: Context
  readonly #intake: Intake
  readonly #connection: Connection
  readonly #fetching: Fetching
  readonly #keptMs: number
  #renewing: Timer | undefined

  constructor(address: string, context: Context, intake: Intake) {
    this.#address = address
    this.#context = context
    this.#intake = intake
    this.#connection = context.connection()
    this.#fetching = new Fetching(context, this.#connection, intake, (room) => this.#take(room))
    this.#keptMs = Math.max(LEAST_KEPT_MS, LEASES_KEPT * context.settings.leaseMs)
  }

  async begin(): Promise<void> {
    await this.#keep()
    this.#renew()
  }

  freed(): void {
    this.#fetching.soon()
  }

  /** Who answers from now on is told that nobody is here. Should this fail, it expires. */
  async leave(): Promise<void> {
    this.#renewing?.cancel()
    await this.#connection.command('DEL', this.#address)
  }

  end(): void {
    this.#renewing?.cancel()
    this.#fetching.end()
  }

  async #keep(): Promise<void> {
    await this.#connection.run('openReplies', this.#address, [this.#keptMs])
  }

  #renew(): void {
    this.#renewing = this.#context.runtime.setTimer(this.#keptMs / 4, () => {
      this.#keep().catch((error: unknown) => this.#fetching.failed(error))
      this.#renew()
    })
  }

  async #take(room: number): Promise<ReadonlyMap<string, string> | undefined> {
    const [outcome, entries] = await this.#connection.run('takeReplies', this.#address, [room, this.#keptMs])
    if (!this.#intake.isOpen) return undefined
    if (text(outcome) !== 'OK') throw new Error(`stream ${this.#address} has been deleted`)
    const list = entries as readonly (readonly [Reply, Reply])[]
    for (const [, fields] of list) this.#intake.add(decodeMessage(fieldsIn(fields)), 0)
    // What is taken is deleted: whatever lies there is new.
    return list.length === 0 ? new Map([[this.#address, '0-0']]) : undefined
  }
}
