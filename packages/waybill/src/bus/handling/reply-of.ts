import { encodeReply, type EncodedReply } from '../../contract/reply.ts'
import type { Registration } from '../service/registration.ts'

/** What the handler returned is not what its contract says. It has done its work, and would do it again in a retry. */
export class WrongReply extends Error {}

/** The reply to send for what a handler returned. @throws {WrongReply} when it does not match the contract, in its turn or later */
export function replyOf(registration: Registration, result: unknown): EncodedReply | Promise<EncodedReply> {
  const wrong = (cause: unknown): never => {
    throw new WrongReply('the reply does not match its schema', { cause })
  }
  try {
    const reply = encodeReply(registration.message, result)
    return reply instanceof Promise ? reply.catch(wrong) : reply
  } catch (error) {
    return wrong(error)
  }
}
