import type { Runtime } from '../runtime/runtime.ts'
import { DeadLetters } from './dead-letter/dead-letters.ts'
import { DelayedMessages } from './delay/delayed-messages.ts'
import { DirectReplies } from './direct-reply-to.ts'
import { DurableDefinitions } from './durable-definitions.ts'
import { ExchangeDeclarations } from './exchange-declarations.ts'
import { Intake } from './intake.ts'
import { PublisherGate } from './publisher-gate.ts'
import { Publishing } from './publishing.ts'
import { QueueDeclarations } from './queue-declarations.ts'
import { ResidentMemory } from './resident-memory.ts'
import type { RecoveredLog } from './store/message-log.ts'
import { Topology } from './topology.ts'
import { Turns } from './turns.ts'

export interface BrokerOptions {
  readonly runtime: Runtime
  /** Where messages and definitions are kept; in memory alone when absent. */
  readonly recovered?: RecoveredLog
  /** Bytes of messages in memory alone above which publishers are held back. Default 256 MiB. */
  readonly memoryHighWaterBytes?: number
}

export interface BrokerSignals {
  /** Publishers are to stop for this reason, or may go on. */
  gated(reason: string | undefined): void
  failed(error: Error): void
}

/** Published bytes that wait for the disk, above which publishers are held back; they go on below half. The log itself refuses at 64 MiB. */
const LOG_HIGH_WATER_BYTES = 32 * 1024 * 1024

/** What a broker is made of. */
export interface BrokerParts {
  readonly topology: Topology
  readonly exchanges: ExchangeDeclarations
  readonly queues: QueueDeclarations
  readonly intake: Intake
  readonly delayed: DelayedMessages
  readonly replies: DirectReplies
  readonly turns: Turns
  readonly gate: PublisherGate
}

export function brokerParts(options: BrokerOptions, signals: BrokerSignals): BrokerParts {
  const { runtime, recovered, memoryHighWaterBytes } = options
  const log = recovered?.log
  const fail = (error: Error): void => signals.failed(error)
  const topology = new Topology()
  const turns = new Turns(runtime)
  const gate = new PublisherGate((reason) => signals.gated(reason))
  const memory = new ResidentMemory((blocked) => gate.set('memory', blocked), memoryHighWaterBytes)
  const publishing = new Publishing(runtime, log, {
    wrote: (pending) => {
      if (pending > LOG_HIGH_WATER_BYTES) gate.set('log', true)
    },
    synced: (pending) => {
      if (pending < LOG_HIGH_WATER_BYTES / 2) gate.set('log', false)
    },
    fail,
  })
  const deadLetters = new DeadLetters(runtime, log, topology, publishing, fail)
  const replies = new DirectReplies(runtime)
  const delayed: DelayedMessages = new DelayedMessages({
    runtime,
    log,
    memory,
    publishing,
    route: (message) => intake.routeLate(message),
    fail,
  })
  const intake = new Intake({ topology, publishing, delayed, replies })
  const definitions = new DurableDefinitions(log)
  const exchanges = new ExchangeDeclarations(topology, definitions)
  const queues = new QueueDeclarations(topology, definitions, exchanges, {
    runtime,
    log,
    memory,
    schedule: (queue) => turns.schedule(queue),
    deadLetter: (queue, ...letter) => deadLetters.move(queue, ...letter),
    fail,
  })
  return { topology, exchanges, queues, intake, delayed, replies, turns, gate }
}
