import type { AnyCommand, AnyDocument, AnyEvent, AnyRequest, AnyStoredEvent, In } from '../../contract/contract.ts'
import type { Messenger } from '../sending/messenger.ts'
import { checkedScheduleId, scheduled } from './schedule.ts'
import type { RequestAsyncOptions, SendOptions, Sent } from '../sending/sender.ts'
import type { Transaction } from './transaction.ts'
import type { ScheduleOptions, TransactionSender } from '../sending/transaction-sender.ts'

/** What is said in one transaction: by `bus.in(tx)`, and by the context of a handler. */
export class OutboxSender implements TransactionSender {
  readonly #messenger: Messenger
  readonly #transaction: Transaction
  readonly #now: () => number

  /** @param messenger whose outlet is `transaction` */
  constructor(messenger: Messenger, transaction: Transaction, now: () => number) {
    this.#messenger = messenger
    this.#transaction = transaction
    this.#now = now
  }

  publish<M extends AnyEvent>(event: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#transaction.sending(() => this.#messenger.publish(event, body, options))
  }

  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#transaction.sending(() => this.#messenger.send(message, body, options))
  }

  requestAsync<M extends AnyRequest>(request: M, body: In<M>, options?: RequestAsyncOptions): Promise<Sent> {
    return this.#transaction.sending(() => this.#messenger.requestAsync(request, body, options))
  }

  schedule<M extends AnyStoredEvent | AnyCommand | AnyDocument>(
    message: M,
    body: In<M>,
    options: ScheduleOptions,
  ): Promise<Sent> {
    return this.#transaction.sending(async () => {
      const { row, sent } = await scheduled(this.#messenger, message, body, options, this.#now())
      await this.#transaction.write(row)
      return sent
    })
  }

  async cancelScheduled(id: string): Promise<boolean> {
    const checked = checkedScheduleId(id)
    return this.#transaction.sending(() => this.#transaction.cancel(checked))
  }
}
