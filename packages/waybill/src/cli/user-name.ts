import { userInfo } from 'node:os'

/** Who calls a command, for its record. A container's user may have no name. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
