import type { InboxStatements } from './inbox.ts'
import type { LaneStatements } from './lanes.ts'
import type { SchemaStatements } from './migrate.ts'
import type { OperationStatements } from './operations.ts'
import type { OutboxStatements } from './outbox.ts'
import type { ScheduleStatements } from './schedule.ts'
import type { SequenceStatements } from './sequences.ts'

/** Every statement of the store in the words of one database. Nothing is run here. */
export interface Dialect {
  readonly schema: SchemaStatements
  readonly inbox: InboxStatements
  readonly outbox: OutboxStatements
  readonly operations: OperationStatements
  readonly lanes: LaneStatements
  readonly schedule: ScheduleStatements
  readonly sequences: SequenceStatements
}
