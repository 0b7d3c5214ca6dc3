// The public door. One hand-written list; what is not here is not promised.
export { durationMs, type Duration } from './runtime/duration.ts'
