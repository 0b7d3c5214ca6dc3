// What becomes of a settled message, and what of one that nobody wants any more.
import { putOff, withFailure } from '../message/failure.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Settlement } from './transport.ts'

export type Retry = Extract<Settlement, { readonly action: 'retry' }>

/** The message as its next attempt, with its failure added to its history; or put off, where nothing has failed. */
export function retried({ delivery: { message }, attempt, failure }: Retry): WireMessage {
  const headers = failure === undefined ? putOff(message.headers) : withFailure(message.headers, failure)
  return { ...message, attempt, headers }
}

/** What nobody waits for any more may go unseen; what somebody meant to happen becomes a dead letter instead. */
export function vanishesWhenExpired({ kind }: WireMessage): boolean {
  return kind === 'query' || kind === 'survey' || kind === 'reply'
}
