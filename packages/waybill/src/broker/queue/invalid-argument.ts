import { ReplyError } from '../reply-error.ts'

/**
 * The refusal of an `x-` argument, in RabbitMQ's words.
 *
 * @param where the queue, with its virtual host
 */
export function invalidArgument(argument: string, where: string, why: string): ReplyError {
  return new ReplyError(406, `invalid arg '${argument}' for ${where}: ${why}`)
}
