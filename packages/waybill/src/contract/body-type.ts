import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Any Standard Schema: zod, valibot, arktype, or `binary()` and `type<T>()` below. */
export type Schema = StandardSchemaV1
export type SchemaIn<S extends Schema> = StandardSchemaV1.InferInput<S>
export type SchemaOut<S extends Schema> = StandardSchemaV1.InferOutput<S>

/** How a body is written, and what it must look like. */
export interface BodyType {
  readonly codec: 'json' | 'binary'
  /** Media type (RFC 2046), without parameters. */
  readonly contentType: string
  /** Absent: not validated. */
  readonly schema: Schema | undefined
}

export const JSON_CONTENT_TYPE = 'application/json'
export const BINARY_CONTENT_TYPE = 'application/octet-stream'

/** A Standard Schema that also says how its body is written. */
class DeclaredBody<T> implements StandardSchemaV1<T> {
  readonly '~standard': StandardSchemaV1.Props<T>
  readonly bodyType: BodyType

  constructor(validate: (value: unknown) => StandardSchemaV1.Result<T>, bodyType: BodyType) {
    this['~standard'] = { version: 1, vendor: 'waybill', validate }
    this.bodyType = bodyType
  }
}

// RFC 6838 section 4.2: restricted names of at most 127 characters.
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/

/**
 * A body of bytes, handed over and received as they are: neither copied nor looked into.
 *
 * @param contentType what the bytes are, for instance `image/png`; lower case, without parameters
 * @throws {TypeError} when `contentType` is not a media type
 */
export function binary(contentType: string = BINARY_CONTENT_TYPE): StandardSchemaV1<Uint8Array> {
  if (!MEDIA_TYPE.test(contentType)) {
    throw new TypeError(`"${contentType}" is not a media type: lower case, without parameters, for instance image/png`)
  }
  return new DeclaredBody<Uint8Array>(
    (value) =>
      value instanceof Uint8Array ? { value } : { issues: [{ message: 'expected bytes: a Uint8Array or a Buffer' }] },
    { codec: 'binary', contentType, schema: undefined },
  )
}

/**
 * A JSON body that only the compiler checks. **Nothing is validated at run time**: whatever JSON arrives is handed to the
 * handler as a `T`. For moving an old system step by step; write a schema instead where you can.
 */
export function type<T>(): StandardSchemaV1<T> {
  return new DeclaredBody<T>(
    (value) => ({ value: value as T }), // unchecked: that is what it is for
    { codec: 'json', contentType: JSON_CONTENT_TYPE, schema: undefined },
  )
}

/** @throws {TypeError} when `schema` is not a Standard Schema */
export function bodyTypeOf(schema: Schema, what: string): BodyType {
  if (schema instanceof DeclaredBody) return schema.bodyType
  // A schema may be a function, as arktype's are; a caller without types may pass anything.
  const standard = (schema as Partial<Schema> | null | undefined)?.['~standard']
  if (typeof standard?.validate !== 'function' || standard.version !== 1) {
    throw new TypeError(`${what} is not a Standard Schema: pass one of zod, valibot, arktype, or binary() or type<T>()`)
  }
  return { codec: 'json', contentType: JSON_CONTENT_TYPE, schema }
}
