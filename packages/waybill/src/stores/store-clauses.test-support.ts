// What every store must do, as tests that run on each of them.
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { inboxClauses } from './clauses/inbox.test-support.ts'
import { laneClauses } from './clauses/lanes.test-support.ts'
import { openingClauses } from './clauses/opening.test-support.ts'
import { operationClauses } from './clauses/operations.test-support.ts'
import { outboxClauses } from './clauses/outbox.test-support.ts'
import { scheduleClauses } from './clauses/schedule.test-support.ts'
import { sequenceClauses } from './clauses/sequences.test-support.ts'
import { Stand, type StoreStage } from './clauses/stand.test-support.ts'
import { transactionClauses } from './clauses/transaction.test-support.ts'

export type { StoreStage } from './clauses/stand.test-support.ts'

export interface StoreUnderTest<Tx> {
  readonly name: string
  readonly missing: string | undefined
  readonly stage: () => Promise<StoreStage<Tx>>
}

export function describeStore<Tx>({ name, missing, stage }: StoreUnderTest<Tx>): void {
  describeNeeding(missing)(`${name}: every store`, () => {
    const at = new Stand<Tx>()
    beforeAll(async () => at.begin(await stage()), 60_000)
    afterAll(() => at.end(), 60_000)
    beforeEach(() => at.stage.clear())

    transactionClauses(at)
    inboxClauses(at)
    outboxClauses(at)
    operationClauses(at)
    laneClauses(at)
    scheduleClauses(at)
    sequenceClauses(at)
    openingClauses(at)
  })
}
