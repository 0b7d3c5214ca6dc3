// What becomes of a settled delivery, as something to publish. Each has an id by its place in the stream that it came from,
// so that the same original is not moved twice, and a message that was put back by hand is moved like any other.
import type { WireMessage } from '../../message/wire-message.ts'
import { deadLetter, type Burial } from '../../transport/dead-letter.ts'
import { retried, type Retry } from '../../transport/settled-message.ts'
import type { Group, Settlement } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { nameToken } from './name-token.ts'
import { againHeaders } from './ordered/lane-message.ts'
import { isOrdered, shardOfMessage, type Names } from './names.ts'
import type { Publication } from './publisher.ts'

/** Where the original lies: a stream's own word, and its sequence there. */
export interface Place {
  readonly of: string
  readonly sequence: number
}

function retryPublication(retry: Retry, group: Group, place: Place, names: Names): Publication {
  const messageId = idOf('retry', group, place)
  return { subject: names.retry(group), message: retried(retry), to: 'stream', messageId }
}

export function deadLetterPublication(
  message: WireMessage,
  group: Group,
  burial: Burial,
  place: Place,
  names: Names,
  now: number,
): Publication {
  const messageId = idOf('dead', group, place)
  return {
    subject: names.deadLetters(group),
    message: deadLetter(message, group, burial, now),
    to: 'stream',
    messageId,
  }
}

/**
 * A dead letter that goes back to its group, or to its shard; once, however often it is tried within the stream's window.
 *
 * @param after of an ordered group: the last message that the shard has now, behind which it comes
 */
export function redrivenPublication(
  message: WireMessage,
  group: Group,
  sequence: number,
  names: Names,
  after: number | undefined,
): Publication {
  const subject = isOrdered(group) ? names.again(group, shardOfMessage(group.channel, message)) : names.retry(group)
  const messageId = idOf('redrive', group, { of: 'dead', sequence })
  return { subject, message, to: 'stream', messageId, ...(after === undefined ? {} : { more: againHeaders(after) }) }
}

/** What is in the place of a dead letter from now on. */
export function replacedPublication(message: WireMessage, group: Group, sequence: number, names: Names): Publication {
  const messageId = idOf('replace', group, { of: 'dead', sequence })
  return { subject: names.deadLetters(group), message, to: 'stream', messageId }
}

/** A settlement by which the message goes on somewhere else. */
export type Onward = Exclude<Settlement, { readonly action: 'ack' }>

/** To its group again, now or later, or to the dead letters. */
export function onward(
  settlement: Onward,
  group: Group,
  place: Place,
  { names, delays, runtime }: Pick<Context, 'names' | 'delays' | 'runtime'>,
): Publication {
  const now = runtime.now()
  if (settlement.action === 'reject')
    return deadLetterPublication(settlement.delivery.message, group, settlement, place, names, now)
  const publication = retryPublication(settlement, group, place, names)
  return settlement.afterMs > 0 ? delays.delayed(group.channel, publication, now + settlement.afterMs) : publication
}

function idOf(what: string, group: Group, { of, sequence }: Place): string {
  return `${what}/${nameToken(group.name)}/${of}/${sequence}`
}
