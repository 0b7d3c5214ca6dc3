// A visit to the dead letters of a group. Reading takes nothing; what becomes of a batch is one statement, so that a letter is
// never in two places or in none, and of two visits that decide on one letter the first is obeyed.
import { WaybillError } from '../../message/errors.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { Group } from '../../transport/transport.ts'
import { visitInBatches, type Decided, type Letter } from '../../transport/visit-in-batches.ts'
import type { Context } from './context.ts'
import { messagesOf } from './names.ts'
import { shardOfMessage } from './queue-delivery.ts'
import { headOf, messageOf, type StoredMessage } from '../../message/stored-message.ts'

interface DeadRow extends Letter {
  readonly id: number
}

/** @param asked what the server refuses, and a link that broke, as Waybill's errors; what the visitor throws is its own */
export async function visitDeadLetters(
  context: Context,
  group: Group,
  visit: DeadLetterVisit,
  asked: <T>(use: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const { sql, declarer, wire } = context
  const groupId = await asked(() => declarer.find(group))
  if (groupId === undefined)
    throw new WaybillError('WAYBILL_NOT_FOUND', `channel ${group.channel.name} has no group ${group.name}`)
  const { publish } = wire()
  const [last] = await asked(() => publish.run<{ id: string | null }>(sql.lastLetter, [groupId]))
  let shown = 0
  const next = async (most: number): Promise<readonly DeadRow[]> => {
    const values = [groupId, shown, last?.id ?? 0, most]
    const rows = await asked(() => publish.run<StoredMessage & { readonly id: string }>(sql.letters, values))
    shown = Number(rows.at(-1)?.id ?? shown)
    return rows.map((row) => ({ id: Number(row.id), message: messageOf(row) }))
  }
  await visitInBatches(visit, next, async (decided) => {
    await asked(() => publish.run(sql.decide, [groupId, ...columnsOf(decided, group)]))
    if (decided.some(({ decision }) => decision.action === 'redrive'))
      context.notifier.notify([messagesOf(context.settings.schema, groupId)])
  })
}

function columnsOf(decided: readonly Decided<DeadRow>[], { channel }: Group): readonly unknown[] {
  const stored = decided.map(({ decision }) => (decision.action === 'remove' ? undefined : decision.message))
  return [
    decided.map(({ letter }) => letter.id),
    decided.map(({ decision }) => decision.action),
    stored.map((message) => (message === undefined ? 0 : shardOfMessage(channel, message))),
    stored.map((message) => (message === undefined ? '' : headOf(message))),
    stored.map((message) => message?.body ?? NOTHING),
  ]
}

const NOTHING = new Uint8Array(0)
