// The door for authors of transports: the suite that every transport passes.
export { transportConformance } from './conformance/transport-conformance.ts'
export type {
  ConformanceOptions,
  FaultName,
  Faults,
  LinkFault,
  Possible,
  TransportUnderTest,
} from './conformance/harness.ts'
export { Ledger, type Verdict } from './conformance/ledger.ts'
