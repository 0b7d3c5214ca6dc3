import { withFailure } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Settlement } from '../../transport/transport.ts'

/** The message as its next attempt, with its failure added to its history. */
export function retried(retry: Extract<Settlement, { readonly action: 'retry' }>): WireMessage {
  const { message } = retry.delivery
  return { ...message, attempt: retry.attempt, headers: withFailure(message.headers, retry.failure) }
}

/** What nobody waits for any more may go unseen; what somebody meant to happen becomes a dead letter instead. */
export function vanishesWhenExpired(message: WireMessage): boolean {
  return message.kind === 'query' || message.kind === 'survey' || message.kind === 'reply'
}
