import { createHash, timingSafeEqual } from 'node:crypto'

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** Compares in a time that does not depend on where they differ. */
export function areEqualCredentials(expected: Credentials, user: string, password: string): boolean {
  const [sameUser, samePassword] = [isSame(expected.user, user), isSame(expected.password, password)]
  return sameUser && samePassword
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

/** Of one length, whatever is hashed. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
