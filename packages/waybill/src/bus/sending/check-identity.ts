/** AMQP 0-9-1 keeps message ids in short strings (section 4.2.5.3). */
const MAX_ID_BYTES = 255
/** A key names one order, account or device; every engine takes it as a header. */
const MAX_KEY_BYTES = 1_024

/**
 * The user's own message id.
 *
 * @throws {TypeError} unless it is text of 1 to 255 bytes: what no receiver could read is not sent
 */
export function checkedId(id: unknown): string {
  return checkedText('a message id', id, MAX_ID_BYTES)
}

/**
 * The shard key, or `undefined` where the message has none.
 *
 * @throws {TypeError} unless it is text of at most 1,024 bytes: a number would be another key than its text
 */
export function checkedKey(type: string, key: unknown): string | undefined {
  return key === undefined ? undefined : checkedText(`the key of ${type}`, key, MAX_KEY_BYTES, 0)
}

/** @throws {TypeError} unless `value` is text of so many bytes in UTF-8 */
export function checkedText(what: string, value: unknown, most: number, least = 1): string {
  if (typeof value !== 'string')
    throw new TypeError(`${what} must be text, not ${value === null ? 'null' : typeof value}`)
  if (!value.isWellFormed()) throw new TypeError(`${what} has half a surrogate pair, which UTF-8 cannot carry`)
  // Three bytes at most for each UTF-16 unit: short ones, nearly all, are not measured.
  const tooLong = value.length * 3 > most && Buffer.byteLength(value) > most
  if (tooLong || value.length < least) throw new TypeError(`${what} must have ${least} to ${most} bytes`)
  return value
}
