// All statements, made for one schema.
import { deadLetterStatements, type DeadLetterStatement } from './dead-letter-statements.ts'
import { historyStatements, type HistoryStatement } from './history-statements.ts'
import { memberStatements, type MemberStatement } from './member-statements.ts'
import { queueStatements, type QueueStatement } from './queue-statements.ts'
import { rotationStatements, type RotationStatement } from './rotation-statements.ts'
import { shardStatements, type ShardStatement } from './shard-statements.ts'
import { storeStatements, type StoreStatement } from './store-statements.ts'
import { topologyStatements, type TopologyStatement } from './topology-statements.ts'
import type { Statement } from './statement.ts'

export type Statements = Readonly<
  Record<
    | DeadLetterStatement
    | HistoryStatement
    | MemberStatement
    | QueueStatement
    | RotationStatement
    | ShardStatement
    | StoreStatement
    | TopologyStatement,
    Statement
  >
>

export function statementsOf(schema: string): Statements {
  return {
    ...deadLetterStatements(schema),
    ...historyStatements(schema),
    ...memberStatements(schema),
    ...queueStatements(schema),
    ...rotationStatements(schema),
    ...shardStatements(schema),
    ...storeStatements(schema),
    ...topologyStatements(schema),
  }
}
