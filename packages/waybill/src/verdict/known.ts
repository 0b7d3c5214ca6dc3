import type { Limit } from '../transport/engine-facts.ts'
import type { Known } from './route-verdict.ts'

/** A limit in a form that JSON can hold. */
export function known({ value, source }: Limit): Known {
  return { value: Number.isFinite(value) ? value : null, source }
}
