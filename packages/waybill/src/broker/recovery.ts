import type { Queue } from './queue/queue.ts'
import type { Durable, RecoveredLog } from './store/message-log.ts'
import { readHosts, type StoredHost } from './stored-hosts.ts'
import type { VirtualHostParts } from './virtual-host-parts.ts'

/** Definition: the newest message that was there after the last unclean end. */
const LAST_SUSPECT = 'last-suspect'

export interface RecoveryTarget {
  /** The parts of a virtual host, which is made unless it is there. */
  addHost(stored: StoredHost): VirtualHostParts
  /** The number of a queue that is no more. */
  taken(queue: number): void
  /** A definition was written, or not. */
  readonly defined: Durable
}

/**
 * Puts back what the log held: definitions, then messages.
 *
 * After an unclean end any message may have been handed out once more than the log has counted, so each is taken as
 * handed out, and is counted before it goes out again: a message that ends the process does not do so uncounted. Those
 * that nobody takes before the next, clean end stay suspect, and are not counted twice for it.
 */
export async function recover(recovered: RecoveredLog, target: RecoveryTarget): Promise<void> {
  const queues = new Map<number, Queue>()
  const delays = new Map<number, { readonly parts: VirtualHostParts; readonly sequences: number[] }>()
  for (const host of readHosts(recovered.definitions)) {
    const parts = target.addHost(host)
    parts.policies.restore(host.policies)
    parts.application.start()
    for (const definition of host.exchanges) parts.topology.declareExchange(definition)
    for (const { id, definition } of host.queues) queues.set(id, parts.queues.restore(id, definition))
    for (const binding of host.bindings) parts.exchanges.restoreBinding(binding)
    delays.set(host.number, { parts, sequences: [] })
  }
  // Messages of queues that were deleted while the last process ended.
  const left = new Map<number, number[]>()
  const leftBy = (queue: number): number[] => {
    const sequences = left.get(queue) ?? []
    left.set(queue, sequences)
    return sequences
  }
  const lastSuspect = Number(recovered.definitions.get(LAST_SUSPECT) ?? -1)
  let last = lastSuspect
  recovered.forEachMessage((queue, sequence, counted) => {
    last = Math.max(last, sequence)
    const suspect = recovered.unclean || (counted === 0 && sequence <= lastSuspect)
    const found = queues.get(queue)
    if (found !== undefined) found.recover(sequence, counted + (suspect ? 1 : 0), suspect)
    else (delays.get(queue)?.sequences ?? leftBy(queue)).push(sequence)
  })
  for (const [queue, sequences] of left) {
    target.taken(queue)
    recovered.log.settle(queue, sequences)
  }
  if (recovered.unclean && last > lastSuspect) recovered.log.define(LAST_SUSPECT, String(last), target.defined)
  for (const queue of queues.values()) await queue.recovered()
  for (const queue of queues.values()) queue.wake()
  for (const { parts, sequences } of delays.values()) await parts.delayed.recover(sequences)
}
