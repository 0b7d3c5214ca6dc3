import { ReplyError } from '../reply-error.ts'

/** The refusal of an `x-` argument, in RabbitMQ's words. */
export function invalidArgument(argument: string, queue: string, why: string): ReplyError {
  return new ReplyError(406, `invalid arg '${argument}' for queue '${queue}' in vhost '/': ${why}`)
}
