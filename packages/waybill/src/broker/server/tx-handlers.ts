import { ReplyError } from '../reply-error.ts'
import { writePlain } from '../wire/methods/close-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import type { ChannelContext } from './channel-context.ts'
import type { Transaction } from './transaction.ts'

export function select(context: ChannelContext): void {
  context.publisher.selectTransactions()
  writePlain(context.frames, context.number, METHOD.txSelectOk)
}

/** Answered once all that was published is stored, behind the returns of what no queue takes. */
export function commit(context: ChannelContext): void {
  const transaction = requireTransaction(context)
  let isWhole = false
  context.stored(
    (done) =>
      context.publisher.commit(transaction, (all) => {
        isWhole = all
        done(undefined)
      }),
    () => {
      if (!isWhole) throw new ReplyError(406, 'partial tx completion')
      writePlain(context.frames, context.number, METHOD.txCommitOk)
    },
  )
}

export function rollback(context: ChannelContext): void {
  requireTransaction(context).rollback()
  writePlain(context.frames, context.number, METHOD.txRollbackOk)
}

/** @throws {ReplyError} 406 before tx.select */
function requireTransaction({ publisher: { transaction } }: ChannelContext): Transaction {
  if (transaction === undefined) throw new ReplyError(406, 'channel is not transactional')
  return transaction
}
