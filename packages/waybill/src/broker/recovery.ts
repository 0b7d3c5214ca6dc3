import { DELAYED_QUEUE } from './delay/delayed-messages.ts'
import { readDefinitions, type BindingName } from './durable-definitions.ts'
import type { ExchangeDefinition } from './exchange/exchange.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { Queue } from './queue/queue.ts'
import type { Durable, RecoveredLog } from './store/message-log.ts'

/** Definition: the newest message that was there after the last unclean end. */
const LAST_SUSPECT = 'last-suspect'

export interface RecoveryTarget {
  addExchange(definition: ExchangeDefinition): void
  addQueue(id: number, definition: QueueDefinition): Queue
  /** A definition was written, or not. */
  readonly defined: Durable
  bind(binding: BindingName): void
}

/**
 * Puts back what the log held: definitions, then messages.
 *
 * After an unclean end any message may have been handed out once more than the log has counted, so each is taken as
 * handed out, and is counted before it goes out again: a message that ends the process does not do so uncounted. Those
 * that nobody takes before the next, clean end stay suspect, and are not counted twice for it.
 *
 * @returns the messages that wait to be due
 */
export async function recover(recovered: RecoveredLog, target: RecoveryTarget): Promise<readonly number[]> {
  const { exchanges, queues, bindings } = readDefinitions(recovered.definitions)
  for (const definition of exchanges) target.addExchange(definition)
  const byId = new Map<number, Queue>()
  for (const { id, definition } of queues) byId.set(id, target.addQueue(id, definition))
  for (const binding of bindings) target.bind(binding)
  const delayed: number[] = []
  const lastSuspect = Number(recovered.definitions.get(LAST_SUSPECT) ?? -1)
  let last = lastSuspect
  recovered.forEachMessage((queue, sequence, counted) => {
    last = Math.max(last, sequence)
    const suspect = recovered.unclean || (counted === 0 && sequence <= lastSuspect)
    if (queue === DELAYED_QUEUE) delayed.push(sequence)
    else byId.get(queue)?.recover(sequence, counted + (suspect ? 1 : 0), suspect)
  })
  if (recovered.unclean && last > lastSuspect) recovered.log.define(LAST_SUSPECT, String(last), target.defined)
  for (const queue of byId.values()) await queue.recovered()
  for (const queue of byId.values()) queue.wake()
  return delayed
}
