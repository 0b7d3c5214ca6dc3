import { withFailure } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Settlement } from '../../transport/transport.ts'

type Retry = Extract<Settlement, { readonly action: 'retry' }>

/** The message as its next attempt, with its failure added to its history. */
export function retried(retry: Retry): WireMessage {
  const { message } = retry.delivery
  return { ...message, attempt: retry.attempt, headers: withFailure(message.headers, retry.failure) }
}

/** What nobody waits for any more may go unseen; what somebody meant to happen becomes a dead letter instead. */
export function vanishesWhenExpired({ kind }: WireMessage): boolean {
  return kind === 'query' || kind === 'survey' || kind === 'reply'
}
