import { isWaybillError } from '../../message/errors.ts'
import { NamePattern, literally } from '../pattern/name-pattern.ts'
import { ReplyError } from '../reply-error.ts'
import type { Guard, Permission } from './guard.ts'
import type { AllPermissions } from './all-permissions.ts'

/** What a guard reads. */
export interface GuardSource {
  /** Of users and permissions. */
  readonly version: number
  readonly permissions: AllPermissions
}

/** Answers that are remembered; beyond it all are forgotten, as names then seem to be unbounded. */
const MOST_ANSWERS = 1_024

/** How errors call the default exchange, and by which name permissions mean it. */
const DEFAULT_EXCHANGE = 'amq.default'

/** Asks the permissions of one user in one virtual host, and remembers what they say. */
export class UserGuard implements Guard {
  readonly #source: GuardSource
  readonly #virtualHost: string
  readonly #user: string
  readonly #answers = new Map<string, boolean>()
  #version: number

  constructor(source: GuardSource, virtualHost: string, user: string) {
    this.#source = source
    this.#virtualHost = virtualHost
    this.#user = user
    this.#version = source.version
  }

  get version(): number {
    return this.#source.version
  }

  require(permission: Permission, kind: 'queue' | 'exchange', given: string): void {
    const name = kind === 'exchange' && given === '' ? DEFAULT_EXCHANGE : given
    const may = this.#answer(`${permission} ${name}`, () => matches(this.#permissions?.[permission], name))
    if (!may) throw this.#refused(`${permission} access to ${kind} '${name}'`)
  }

  requireTopic(permission: 'write' | 'read', exchange: string, routingKey: string): void {
    const topics = this.#source.permissions.topics(this.#virtualHost, this.#user, exchange)
    if (topics === undefined) return
    const may = this.#answer(`topic ${permission} ${JSON.stringify([exchange, routingKey])}`, () =>
      matches(this.#expanded(topics[permission]), routingKey),
    )
    if (!may) throw this.#refused(`${permission} access to topic '${routingKey}' in exchange '${exchange}'`)
  }

  get #permissions(): { readonly [permission in Permission]: string } | undefined {
    return this.#source.permissions.get(this.#virtualHost, this.#user)
  }

  #expanded(pattern: string): string {
    return pattern.replaceAll('{username}', literally(this.#user)).replaceAll('{vhost}', literally(this.#virtualHost))
  }

  #answer(question: string, ask: () => boolean): boolean {
    if (this.#version !== this.version || this.#answers.size >= MOST_ANSWERS) {
      this.#answers.clear()
      this.#version = this.version
    }
    const known = this.#answers.get(question)
    if (known !== undefined) return known
    const answer = ask()
    this.#answers.set(question, answer)
    return answer
  }

  #refused(what: string): ReplyError {
    return new ReplyError(403, `${what} in vhost '${this.#virtualHost}' refused for user '${this.#user}'`)
  }
}

/** @param pattern nothing, when it is empty or there is none, or when the names in it have made it too long */
function matches(pattern: string | undefined, name: string): boolean {
  if (pattern === undefined) return false
  try {
    return new NamePattern(pattern === '' ? '^$' : pattern).matches(name)
  } catch (error) {
    if (isWaybillError(error, 'WAYBILL_INVALID_DEFINITION')) return false
    throw error
  }
}
