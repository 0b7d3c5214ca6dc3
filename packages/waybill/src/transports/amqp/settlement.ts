// What becomes of a settled delivery, as something to publish.
import type { WireMessage } from '../../message/wire-message.ts'
import type { Group } from '../../transport/transport.ts'
import { deadLetter, type Burial } from '../../transport/dead-letter.ts'
import { retried, type Retry } from '../../transport/settled-message.ts'
import type { Publication } from './engine.ts'

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
