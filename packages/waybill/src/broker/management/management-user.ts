import type { Guard } from '../access/guard.ts'
import type { Identity } from '../access/identity.ts'
import { notAuthorised } from './http/http-error.ts'

/** The tags that routes ask for. */
export type Needs = 'management' | 'policymaker' | 'monitoring' | 'administrator'

/** Which tags let a user do what needs one (RabbitMQ, Management, "Access and Permissions"). */
const SUFFICIENT: { readonly [needs in Needs]: readonly string[] } = {
  management: ['management', 'policymaker', 'monitoring', 'administrator'],
  policymaker: ['policymaker', 'administrator'],
  monitoring: ['monitoring', 'administrator'],
  administrator: ['administrator'],
}

const REFUSAL: { readonly [needs in Needs]: string } = {
  management: 'Not management user',
  policymaker: 'User not authorised to access object',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
}

/** Who asks. */
export class ManagementUser {
  readonly #identity: Identity

  constructor(identity: Identity) {
    this.#identity = identity
  }

  get name(): string {
    return this.#identity.user
  }

  get tags(): readonly string[] {
    return this.#identity.tags
  }

  /** What they may do in a virtual host; `undefined` when they have no access to it. */
  guard(virtualHost: string): Guard | undefined {
    return this.#identity.guard(virtualHost)
  }

  may(needs: Needs): boolean {
    return SUFFICIENT[needs].some((tag) => this.tags.includes(tag))
  }

  /** @throws {HttpError} 401 */
  require(needs: Needs): void {
    for (const each of ['management', needs] as const) if (!this.may(each)) throw notAuthorised(REFUSAL[each])
  }
}
