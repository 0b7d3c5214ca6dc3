import { WaybillError } from '../message/errors.ts'
import type { Schema, SchemaOut } from './body-type.ts'
import { InvalidMessageError, validate } from './validate.ts'

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
  return { schema, to }
}

/**
 * Lifts `body` from version `from` to the message's current one. A promise only where a step's schema is asynchronous.
 *
 * @throws {WaybillError} `WAYBILL_UNKNOWN_TYPE` when there is no step from that version; `WAYBILL_INVALID_MESSAGE` when
 *   the body does not match an older schema, or a step throws
 */
export function liftToCurrent(message: Upcastable, from: number, body: unknown, what: string): unknown {
  let lifted = body
  for (let version = from; version < message.version; version++) {
    const step = message.upcast.get(version)
    if (step === undefined) {
      throw new WaybillError(
        'WAYBILL_UNKNOWN_TYPE',
        `${what} has version ${from}, from which no upcast leads to ${message.version}`,
      )
    }
    const valid = validate(step.schema, lifted, `${what}, version ${version}`)
    if (valid instanceof Promise) {
      return valid.then((older) => liftToCurrent(message, version + 1, take(step, older, what, version), what))
    }
    lifted = take(step, valid, what, version)
  }
  return lifted
}

interface Upcastable {
  readonly version: number
  readonly upcast: ReadonlyMap<number, UpcastStep>
}

function take(step: UpcastStep, older: unknown, what: string, version: number): unknown {
  try {
    return step.to(older)
  } catch (cause) {
    throw new InvalidMessageError(
      what,
      [{ path: '', message: `the upcast from version ${version} threw an error` }],
      0,
      cause,
    )
  }
}
