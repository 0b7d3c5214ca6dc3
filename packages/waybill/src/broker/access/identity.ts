import { ANYTHING, type Guard } from './guard.ts'

/** Who has come in. */
export interface Identity {
  readonly user: string
  /** `administrator`, `monitoring`, `policymaker`, `management`: for those who manage; `impersonator`: for publishers. */
  readonly tags: readonly string[]
  /** What they may do in a virtual host; `undefined` when they have no access to it. */
  guard(virtualHost: string): Guard | undefined
}

/** One whom the process itself knows, for as long as it lives: everything is allowed. */
export function ownIdentity(user: string, virtualHosts: 'all' | readonly string[]): Identity {
  return {
    user,
    tags: ['administrator'],
    guard: (name) => (virtualHosts === 'all' || virtualHosts.includes(name) ? ANYTHING : undefined),
  }
}
