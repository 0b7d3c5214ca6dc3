import type { FieldTable } from '../wire/field-table.ts'
import { invalidArgument } from './invalid-argument.ts'
import { wholeNumber } from './whole-number.ts'

const PRIORITY = 'x-priority'

/**
 * The argument `x-priority` of basic.consume (RabbitMQ, Consumer Priorities); 0 when there is none.
 *
 * @param where the queue, with its virtual host, for errors
 * @throws {ReplyError} 406 when it is not a whole number
 */
export function readConsumerPriority(where: string, table: FieldTable): number {
  const field = table[PRIORITY]
  if (field === undefined) return 0
  const priority = wholeNumber(field)
  if (priority === undefined) throw invalidArgument(PRIORITY, where, 'it must be a whole number')
  return priority
}
