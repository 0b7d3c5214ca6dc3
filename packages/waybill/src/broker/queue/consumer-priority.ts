import { ReplyError } from '../reply-error.ts'
import type { FieldTable } from '../wire/field-table.ts'
import { wholeNumber } from './whole-number.ts'

const PRIORITY = 'x-priority'

/**
 * The argument `x-priority` of basic.consume (RabbitMQ, Consumer Priorities); 0 when there is none.
 *
 * @throws {ReplyError} 406 when it is not a whole number
 */
export function readConsumerPriority(table: FieldTable): number {
  const field = table[PRIORITY]
  if (field === undefined) return 0
  const priority = wholeNumber(field)
  if (priority === undefined) throw new ReplyError(406, `invalid arg '${PRIORITY}': it must be a whole number`)
  return priority
}
