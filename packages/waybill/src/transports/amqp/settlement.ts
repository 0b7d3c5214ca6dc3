// What becomes of a settled delivery, as something to publish.
import { withFailure } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Group, Settlement } from '../../transport/transport.ts'
import { deadLetter, type Burial } from '../../transport/dead-letter.ts'
import type { Publication } from './engine.ts'

type Retry = Extract<Settlement, { readonly action: 'retry' }>

/** Back to `queue`, later, as the next attempt. */
export function retryPublication(retry: Retry, queue: string, persistent: boolean): Publication {
  return {
    exchange: '',
    routingKey: queue,
    message: retried(retry),
    mandatory: true,
    persistent,
    ...(retry.afterMs > 0 ? { delayMs: Math.ceil(retry.afterMs) } : undefined),
  }
}

/** The message as its next attempt, with its failure added to its history. */
export function retried(retry: Retry): WireMessage {
  const { message } = retry.delivery
  return { ...message, attempt: retry.attempt, headers: withFailure(message.headers, retry.failure) }
}

export function deadLetterPublication(
  message: WireMessage,
  group: Group,
  burial: Burial,
  queue: string,
  now: number,
): Publication {
  return {
    exchange: '',
    routingKey: queue,
    message: deadLetter(message, group, burial, now),
    mandatory: true,
    persistent: true,
  }
}
