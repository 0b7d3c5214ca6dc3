import { createHash } from 'node:crypto'

/** In UTF-16 units. Every database keeps an index of two of them: 3 bytes each at most, and MySQL allows 3,072. */
const LONGEST = 255

/**
 * A key as an index takes it: itself, or `sha256:` and its hash where it is too long or has a NUL, which PostgreSQL has no text
 * with. Ids of ordinary clients may be anything.
 */
export function boundedKey(key: string): string {
  if (key.length <= LONGEST && !key.includes('\0')) return key
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}
