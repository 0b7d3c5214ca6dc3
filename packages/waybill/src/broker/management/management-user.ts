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
  readonly name: string
  readonly tags: readonly string[]

  constructor(name: string, tags: readonly string[]) {
    this.name = name
    this.tags = tags
  }

  may(needs: Needs): boolean {
    return SUFFICIENT[needs].some((tag) => this.tags.includes(tag))
  }

  /** @throws {HttpError} 401 */
  require(needs: Needs): void {
    for (const each of ['management', needs] as const) if (!this.may(each)) throw notAuthorised(REFUSAL[each])
  }
}
