import type { DefinitionLog } from '../definition-log.ts'
import { AllPermissions } from './all-permissions.ts'
import type { Identity } from './identity.ts'
import { isLoopback } from './loopback.ts'
import { PasswordCheck } from './password-check.ts'
import { UserGuard } from './user-guard.ts'
import { GUEST, Users, type User } from './users.ts'

/** Who wants to come in, and how they show that they may. */
export interface Login {
  readonly user: string
  /** A password, or a certificate that TLS has accepted. */
  readonly by: { readonly password: string } | 'certificate'
  /** Of the socket. */
  readonly remoteAddress: string
}

/** Who may come into a broker, and what they may do there (RabbitMQ, Access Control). Durable in the log. */
export class Access {
  readonly users: Users
  readonly permissions: AllPermissions
  readonly #passwords = new PasswordCheck(() =>
    this.users.all().some(({ password }) => password?.algorithm === 'scrypt'),
  )
  #version = 1

  /** @param deleted a user has gone: those connected as this user are to leave */
  constructor(log: DefinitionLog, deleted: (user: string) => void) {
    this.permissions = new AllPermissions(log, () => void this.#version++)
    this.users = new Users(log, (name) => {
      this.permissions.forget({ user: name })
      this.#passwords.forget(name)
      deleted(name)
    })
  }

  /** Changes whenever permissions do. */
  get version(): number {
    return this.#version
  }

  /**
   * Who it is; `undefined` for who may not come in. The user `guest` comes from this machine alone.
   *
   * @throws {WaybillError} `WAYBILL_BACKPRESSURE` when too many logins wait
   */
  async authenticate({ user: name, by, remoteAddress }: Login): Promise<Identity | undefined> {
    const user = this.users.get(name)
    const isRight = by === 'certificate' ? user !== undefined : await this.#passwords.isRight(user, by.password)
    // Who was deleted or changed while the password was compared is to try again.
    if (!isRight || user === undefined || this.users.get(name) !== user) return undefined
    return name === GUEST && !isLoopback(remoteAddress) ? undefined : this.#identity(user)
  }

  restore(definitions: ReadonlyMap<string, string>): void {
    this.users.restore(definitions)
    this.permissions.restore(definitions)
  }

  #identity({ name: user, tags }: User): Identity {
    return {
      user,
      tags,
      guard: (host) => (this.permissions.get(host, user) === undefined ? undefined : new UserGuard(this, host, user)),
    }
  }
}
