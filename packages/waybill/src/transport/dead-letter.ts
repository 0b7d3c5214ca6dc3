import {
  FAILURE_HEADERS,
  MAX_FAILURE_TEXT,
  withFailure,
  type DeadLetterReason,
  type FailureRecord,
} from '../message/failure.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Group } from './transport.ts'

export interface Burial {
  readonly reason: DeadLetterReason
  readonly detail: string
  readonly failure?: FailureRecord
}

/** The message as it lies in the dead-letter queue: itself, its history, and why it is there. */
export function deadLetter(message: WireMessage, group: Group, burial: Burial, now: number): WireMessage {
  const history = burial.failure === undefined ? message.headers : withFailure(message.headers, burial.failure)
  return {
    ...message,
    headers: {
      ...history,
      [FAILURE_HEADERS.reason]: burial.reason,
      [FAILURE_HEADERS.detail]: burial.detail.slice(0, MAX_FAILURE_TEXT),
      [FAILURE_HEADERS.at]: String(now),
      [FAILURE_HEADERS.channel]: group.channel.name,
      [FAILURE_HEADERS.group]: group.name,
    },
  }
}
