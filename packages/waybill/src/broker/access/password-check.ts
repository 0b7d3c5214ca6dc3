import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { WaybillError } from '../../message/errors.ts'
import { hashOfNobody, isPassword } from './password-hash.ts'
import type { User } from './users.ts'

/** Passwords that wait to be compared: as many as can be while a client has patience, some seconds. */
const MOST_WAITING = 128

/**
 * Compares passwords with hashes that are slow by intent: one at a time, so that those who guess take no time from the
 * disk, which shares its threads. A password that was right is known at once the next time, by a digest under a key that
 * only this process has.
 */
export class PasswordCheck {
  readonly #key = randomBytes(32)
  /** By user, so that there are no more than users. */
  readonly #right = new Map<string, Buffer>()
  readonly #waiting = new Map<string, Promise<boolean>>()
  #last: Promise<unknown> = Promise.resolve()
  readonly #isSlow: () => boolean
  /** What a user who does not exist is asked for, to take as long as any other. */
  readonly #nobody = hashOfNobody()

  /** @param isSlow whether the hash of any user is slow: where none is, nobody waits to hear that there is no such user */
  constructor(isSlow: () => boolean) {
    this.#isSlow = isSlow
  }

  /**
   * @param user `undefined` for one who does not exist: no password is right then, in the same time
   * @throws {WaybillError} `WAYBILL_BACKPRESSURE` when too many wait: nobody is told that a right password is wrong
   */
  async isRight(user: User | undefined, password: string): Promise<boolean> {
    const digest = this.#digest(user, password)
    const known = user === undefined ? undefined : this.#right.get(user.name)
    if (known !== undefined && timingSafeEqual(known, digest)) return true
    const key = digest.toString('base64')
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) return waiting
    if (this.#waiting.size >= MOST_WAITING) {
      throw new WaybillError('WAYBILL_BACKPRESSURE', `${MOST_WAITING} logins are waiting: try again later`)
    }
    const check = this.#last.then(() => this.#check(user, password))
    this.#waiting.set(key, check)
    this.#last = check.catch(() => {})
    try {
      const isRight = await check
      if (isRight && user !== undefined) this.#right.set(user.name, digest)
      return isRight
    } finally {
      this.#waiting.delete(key)
    }
  }

  forget(user: string): void {
    this.#right.delete(user)
  }

  async #check(user: User | undefined, password: string): Promise<boolean> {
    if (user === undefined && !this.#isSlow()) return false
    const isRight = await isPassword(user?.password ?? this.#nobody, password)
    return isRight && user?.password !== undefined
  }

  /** Of the hash too: another password of the user is another digest. */
  #digest(user: User | undefined, password: string): Buffer {
    const what = JSON.stringify([user?.name, user?.password?.hash, password])
    return createHmac('sha256', this.#key).update(what).digest()
  }
}
