import type { Limit } from '../transport/engine-facts.ts'
import type { Known } from './route-verdict.ts'

/** A limit in a form that JSON can hold. */
export function known({ value, source }: Limit): Known {
  return { value: Number.isFinite(value) ? value : null, source }
}

/** `30 min (assumed)`: how a number is known belongs to it, unless the engine said so itself. */
export function sourced(shown: string, { source }: { readonly source: Limit['source'] }): string {
  return source === 'read' ? shown : `${shown} (${source})`
}
