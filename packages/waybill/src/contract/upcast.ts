import type { Schema, SchemaOut } from './body-type.ts'

/** Lifts a body from one version of its schema to the next. */
export interface UpcastStep {
  /** What a body of the older version must look like; not checked when absent. */
  readonly schema: Schema | undefined
  /** Must not change what it is given. Its result is given to the next step, or to the current schema. */
  readonly to: (older: unknown) => unknown
}

/**
 * A step from `schema`'s version to the next one: `upcast: { 1: upcast(orderV1, (v1) => ({ ...v1, currency: 'EUR' })) }`.
 *
 * @param schema what a body of the older version must look like
 * @param to makes the next version's body; the current schema validates what comes out in the end
 */
export function upcast<S extends Schema>(schema: S, to: (older: SchemaOut<S>) => unknown): UpcastStep {
  return { schema, to: to as UpcastStep['to'] } // called only with what `schema` has let through
}
