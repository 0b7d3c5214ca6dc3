import { createHash } from 'node:crypto'

/** A name of a stream or consumer is at most 255 bytes, and ours are made of two of these at most. */
const LONGEST = 110

/**
 * Any name as one token of NATS subjects, of names of streams and consumers, and of keys: letters, digits, `_` and `-` as
 * they are, `.` as `==`, every other byte of its UTF-8 as `=` and two hexadecimal digits. One that would be too long is
 * cut, and ends with a hash of the whole.
 */
export function nameToken(name: string): string {
  if (/^[\w-]{1,110}$/.test(name)) return name
  let token = ''
  for (const byte of utf8.encode(name)) {
    const character = String.fromCharCode(byte)
    if (/[\w-]/.test(character)) token += character
    else token += character === '.' ? '==' : `=${byte.toString(16).padStart(2, '0')}`
  }
  if (token.length <= LONGEST) return token
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32)
  return `${token.slice(0, LONGEST - 33)}=${hash}`
}

const utf8 = new TextEncoder()
