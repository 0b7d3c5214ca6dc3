import type { AnyCommand, AnyDocument, AnyStoredEvent, In } from '../../contract/contract.ts'
import type { AnyEvent, AnyRequest } from '../../contract/contract.ts'
import type { SequenceStanding } from '../../inbox/sequence.ts'
import { WaybillError } from '../../message/errors.ts'
import { HandlerContext } from '../handling/handler-context.ts'
import type { RequestAsyncOptions, SendOptions, Sent } from '../sending/sender.ts'
import type { ScheduleOptions, TransactionSender } from '../sending/transaction-sender.ts'
import type { TransactionalContext } from '../service/transactional-context.ts'

/** What a handler gets while its transaction runs. */
export interface RunningTransaction {
  readonly tx: unknown
  readonly sender: TransactionSender
  readonly sequence: SequenceStanding | undefined
}

/** One message being handled in a transaction. What is sent before it begins, or after it has ended, is refused. */
export class TransactionalHandlerContext extends HandlerContext implements TransactionalContext<unknown> {
  #running: RunningTransaction | undefined
  /** The handler has thrown: whatever a middleware makes of it, the transaction is rolled back. */
  failed = false
  called = false

  begin(running: RunningTransaction): void {
    this.#running = running
  }

  get tx(): unknown {
    return this.#transaction('ctx.tx').tx
  }

  get sequence(): SequenceStanding | undefined {
    return this.#running?.sequence
  }

  override publish<M extends AnyEvent>(event: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#transaction(event.type).sender.publish(event, body, options)
  }
  override send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#transaction(message.type).sender.send(message, body, options)
  }
  override requestAsync<M extends AnyRequest>(request: M, body: In<M>, options?: RequestAsyncOptions): Promise<Sent> {
    return this.#transaction(request.type).sender.requestAsync(request, body, options)
  }
  schedule<M extends AnyStoredEvent | AnyCommand | AnyDocument>(
    message: M,
    body: In<M>,
    options: ScheduleOptions,
  ): Promise<Sent> {
    return this.#transaction(message.type).sender.schedule(message, body, options)
  }
  cancelScheduled(id: string): Promise<boolean> {
    return this.#transaction(`the schedule ${id}`).sender.cancelScheduled(id)
  }

  #transaction(what: string): RunningTransaction {
    if (this.#running === undefined)
      throw new WaybillError(
        'WAYBILL_TRANSACTION_ENDED',
        `${what} was used before the transaction of ${this.type} began`,
      )
    return this.#running
  }
}
