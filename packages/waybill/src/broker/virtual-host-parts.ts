import { DeadLetters } from './dead-letter/dead-letters.ts'
import { DefinitionLog } from './definition-log.ts'
import { DelayedMessages } from './delay/delayed-messages.ts'
import { DirectReplies } from './direct-reply-to.ts'
import type { DiscouragedUses } from './discouraged-uses.ts'
import { DurableDefinitions } from './durable-definitions.ts'
import type { EntityCount } from './entity-limits.ts'
import { ExchangeDeclarations } from './exchange-declarations.ts'
import { Intake } from './intake.ts'
import { Policies } from './policy/policies.ts'
import { PolicyApplication } from './policy/policy-application.ts'
import { QueueDeclarations } from './queue-declarations.ts'
import type { SharedParts } from './shared-parts.ts'
import { Topology } from './topology.ts'

/** What a virtual host is known by. */
export interface HostName {
  readonly name: string
  /** In the log: before the keys of its definitions, and of its queue of delayed messages. No queue has it. */
  readonly number: number
}

/** The virtual host of which the log has definitions without a number, as it once knew no other. */
export const ROOT: HostName = { name: '/', number: 0 }

/** What a virtual host is made of. */
export interface VirtualHostParts {
  readonly topology: Topology
  readonly discouraged: DiscouragedUses
  readonly policies: Policies
  readonly application: PolicyApplication
  readonly exchanges: ExchangeDeclarations
  readonly queues: QueueDeclarations
  readonly intake: Intake
  readonly delayed: DelayedMessages
  readonly replies: DirectReplies
}

export function virtualHostParts(
  { name: vhost, number }: HostName,
  shared: SharedParts,
  count: EntityCount,
): VirtualHostParts {
  const { runtime, log, memory, turns, publishing, numbers, discouraged, fail } = shared
  const definitionLog = new DefinitionLog(log, keyPrefix(number))
  const policies: Policies = new Policies(definitionLog, () => application.start())
  const topology = new Topology(vhost, policies)
  const application = new PolicyApplication(runtime, topology, policies)
  const deadLetters = new DeadLetters(runtime, log, topology, publishing, fail)
  const replies = new DirectReplies(runtime)
  const delayed: DelayedMessages = new DelayedMessages({
    queue: number,
    runtime,
    log,
    memory,
    publishing,
    route: (message) => intake.routeLate(message),
    fail,
  })
  const intake = new Intake({ vhost, topology, publishing, delayed, replies })
  const definitions = new DurableDefinitions(definitionLog)
  const exchanges = new ExchangeDeclarations(vhost, topology, definitions, count)
  const queues = new QueueDeclarations(topology, definitions, exchanges, {
    vhost,
    runtime,
    log,
    memory,
    numbers,
    policies,
    discouraged,
    count,
    schedule: (queue) => turns.schedule(queue),
    deadLetter: (queue, ...letter) => deadLetters.move(queue, ...letter),
    fail,
  })
  return { topology, discouraged, policies, application, exchanges, queues, intake, delayed, replies }
}

/** Before the keys of a virtual host's definitions. */
function keyPrefix(number: number): string {
  return number === ROOT.number ? '' : `${number} `
}
