import type { Clause } from './clause.ts'
import { brokerFaultClauses } from './clauses/broker-fault.ts'
import { capabilityClauses } from './clauses/capability.ts'
import { closeClauses } from './clauses/close.ts'
import { deadLetterClauses } from './clauses/dead-letter.ts'
import { deadLetterRedriveClauses } from './clauses/dead-letter-redrive.ts'
import { deadLetterVisitClauses } from './clauses/dead-letter-visits.ts'
import { declareClauses } from './clauses/declare.ts'
import { delayClauses } from './clauses/delay.ts'
import { expiryClauses } from './clauses/expiry.ts'
import { fencingClauses } from './clauses/fencing.ts'
import { flowClauses } from './clauses/flow.ts'
import { foreignClauses } from './clauses/foreign.ts'
import { groupClauses } from './clauses/group.ts'
import { historyClauses } from './clauses/history.ts'
import { inspectClauses } from './clauses/inspect.ts'
import { lifecycleClauses } from './clauses/lifecycle.ts'
import { linkFaultClauses } from './clauses/link-fault.ts'
import { livenessClauses } from './clauses/liveness.ts'
import { messageClauses } from './clauses/message.ts'
import { orderClauses } from './clauses/order.ts'
import { redeliveryClauses } from './clauses/redelivery.ts'
import { replyClauses } from './clauses/reply.ts'
import { routeFactsClauses } from './clauses/route-facts.ts'
import { sendClauses } from './clauses/send.ts'
import { settleClauses } from './clauses/settle.ts'
import { shardClauses } from './clauses/shard.ts'
import { signalsClauses } from './clauses/signals.ts'
import { transientClauses } from './clauses/transient.ts'

/** Every clause, area by area; those that disturb the whole engine come last. */
export const CLAUSES: readonly Clause[] = [
  ...lifecycleClauses,
  ...declareClauses,
  ...sendClauses,
  ...messageClauses,
  ...groupClauses,
  ...foreignClauses,
  ...transientClauses,
  ...signalsClauses,
  ...historyClauses,
  ...replyClauses,
  ...settleClauses,
  ...redeliveryClauses,
  ...deadLetterClauses,
  ...deadLetterVisitClauses,
  ...deadLetterRedriveClauses,
  ...expiryClauses,
  ...delayClauses,
  ...flowClauses,
  ...orderClauses,
  ...shardClauses,
  ...fencingClauses,
  ...inspectClauses,
  ...routeFactsClauses,
  ...livenessClauses,
  ...closeClauses,
  ...capabilityClauses,
  ...linkFaultClauses,
  ...brokerFaultClauses,
]
