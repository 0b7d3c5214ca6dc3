import { WaybillError } from '../../message/errors.ts'
import type { DefinitionLog } from '../definition-log.ts'
import type { Durable } from '../store/message-log.ts'
import { DurableRecords } from './durable-records.ts'
import { quickHash, type PasswordHash } from './password-hash.ts'

export interface User {
  readonly name: string
  /** As those of an identity. */
  readonly tags: readonly string[]
  /** Absent: no password lets them in, only a certificate. */
  readonly password?: PasswordHash
}

/** Who is there in a new folder, with the password that everybody knows: lets in from this machine alone. */
export const GUEST = 'guest'

const MOST_USERS = 10_000
/** What a short string can say. */
const MOST_NAME_BYTES = 255

/** The users of a broker. */
export class Users {
  readonly #records: DurableRecords<User>
  readonly #deleted: (name: string) => void

  /** @param deleted called before a user goes */
  constructor(log: DefinitionLog, deleted: (name: string) => void) {
    const guest: User = { name: GUEST, tags: ['administrator'], password: quickHash(GUEST) }
    const defaults = new Map([[GUEST, guest]])
    this.#records = new DurableRecords({ log, prefix: 'user ', what: 'users', most: MOST_USERS, defaults })
    this.#deleted = deleted
  }

  get(name: string): User | undefined {
    return this.#records.get(name)
  }

  all(): readonly User[] {
    return Array.from(this.#records.entries(), ([, user]) => user)
  }

  /**
   * Adds a user, or replaces the one of that name.
   *
   * @throws {WaybillError} `WAYBILL_LIMIT`, `WAYBILL_INVALID_DEFINITION` for a name that is empty or longer than 255 bytes
   */
  set(user: User, done: Durable = ignore): void {
    const bytes = Buffer.byteLength(user.name)
    if (bytes === 0 || bytes > MOST_NAME_BYTES) {
      throw new WaybillError('WAYBILL_INVALID_DEFINITION', `the name of a user has 1 to ${MOST_NAME_BYTES} bytes`)
    }
    this.#records.set(user.name, user, done)
  }

  /** Deletes a user with their permissions, and ends their connections. `false` when there is none. */
  delete(name: string, done: Durable = ignore): boolean {
    this.#deleted(name)
    return this.#records.delete(name, done)
  }

  restore(definitions: ReadonlyMap<string, string>): void {
    this.#records.restore(definitions)
  }
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}
