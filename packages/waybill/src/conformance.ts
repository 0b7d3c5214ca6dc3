// The door for authors of transports: the suite that every transport passes.
export { transportConformance } from './conformance/transport-conformance.ts'
