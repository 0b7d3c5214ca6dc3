import { badRequest } from './http-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../wire/json.ts'

/**
 * Reads the fields of a JSON object. Every method throws an `HttpError` 400 for a value of another kind.
 *
 * As RabbitMQ does, `null` is passed over, and numbers and booleans may be written as strings: forms send them so.
 */
export class JsonFields {
  readonly object: JsonObject

  constructor(object: JsonObject) {
    this.object = object
  }

  /** @throws {HttpError} 400 when it is no object */
  static of(value: Json): JsonFields {
    if (!isJsonObject(value)) throw badRequest('not_json')
    return new JsonFields(value)
  }

  /** @throws {HttpError} 400 naming all that are missing */
  require(...names: readonly string[]): void {
    const missing = names.filter((name) => this.#get(name) === undefined)
    if (missing.length > 0) throw badRequest(`[${missing.map((name) => `{key_missing,${name}}`).join(',')}]`)
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined
  }

  text(name: string): string {
    this.require(name)
    return this.optionalText(name) ?? ''
  }

  optionalText(name: string): string | undefined {
    const value = this.#get(name)
    if (value === undefined || typeof value === 'string') return value
    throw badRequest(['not_string', name])
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#get(name) ?? otherwise
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    throw badRequest(['not_boolean', value])
  }

  whole(name: string): number {
    this.require(name)
    return this.optionalWhole(name) ?? 0
  }

  optionalWhole(name: string): number | undefined {
    const value = this.#get(name)
    if (value === undefined) return undefined
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number
    throw badRequest(['not_integer', value])
  }

  /** An empty one when it is missing. */
  table(name: string): JsonObject {
    const value = this.#get(name) ?? {}
    // An empty list is how Erlang writes an empty table.
    if (Array.isArray(value) && value.length === 0) return {}
    if (isJsonObject(value)) return value
    throw badRequest(['not_object', name])
  }

  /** Objects; none when it is missing. */
  list(name: string): readonly JsonFields[] {
    const value = this.#get(name) ?? []
    if (Array.isArray(value)) return value.map((item: Json) => JsonFields.of(item))
    throw badRequest(['not_list', name])
  }

  /** Texts; none when it is missing. */
  texts(name: string): readonly string[] {
    const value = this.#get(name) ?? []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    throw badRequest(['not_list', name])
  }

  /** Texts, or one text with commas between them; none when it is missing. */
  tags(name: string): readonly string[] {
    const value = this.#get(name)
    const texts = typeof value === 'string' ? value.split(',') : this.texts(name)
    return texts.map((tag) => tag.trim()).filter((tag) => tag !== '')
  }

  #get(name: string): Json | undefined {
    const value = Object.hasOwn(this.object, name) ? this.object[name] : undefined
    return value === null ? undefined : value
  }
}
