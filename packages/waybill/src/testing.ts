// The door for tests: `import { testBus } from 'waybill/testing'`.
export { testBus } from './testing/test-bus.ts'
export type { Tally, TestBus, TestBusOptions, TestDeadLetter, TransactionalTestBus } from './testing/test-bus.ts'
export { virtualRuntime, type VirtualRuntime, type VirtualRuntimeOptions } from './runtime/virtual-runtime.ts'
