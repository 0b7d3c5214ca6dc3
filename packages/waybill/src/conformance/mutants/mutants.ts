import { capabilityMutants } from './capability-mutants.ts'
import { closeMutants } from './close-mutants.ts'
import { deadLetterMutants } from './dead-letter-mutants.ts'
import { deliveryMutants } from './delivery-mutants.ts'
import { fencingMutants } from './fencing-mutants.ts'
import { historyMutants } from './history-mutants.ts'
import { lifecycleMutants } from './lifecycle-mutants.ts'
import { livenessMutants } from './liveness-mutants.ts'
import type { Mutant } from './mutant.ts'
import { routeFactsMutants } from './route-facts-mutants.ts'
import { sendMutants } from './send-mutants.ts'
import { settleMutants } from './settle-mutants.ts'
import { signalsMutants } from './signals-mutants.ts'

/** Every mutant. Each clause of the suite fails on at least one of them. */
export const MUTANTS: readonly Mutant[] = [
  ...sendMutants,
  ...deliveryMutants,
  ...settleMutants,
  ...deadLetterMutants,
  ...signalsMutants,
  ...closeMutants,
  ...lifecycleMutants,
  ...livenessMutants,
  ...fencingMutants,
  ...historyMutants,
  ...routeFactsMutants,
  ...capabilityMutants,
]
