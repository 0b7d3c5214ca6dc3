import { ReplyError } from './reply-error.ts'

/** How many there may be in all virtual hosts together, so that a client that declares for ever does not fill the memory. */
export interface EntityLimits {
  /** Default 100,000. */
  readonly queues: number
  /** Those that are always there do not count. Default 100,000. */
  readonly exchanges: number
  /** To queues and to exchanges. Default 300,000. */
  readonly bindings: number
}

export const ENTITY_LIMITS: EntityLimits = { queues: 100_000, exchanges: 100_000, bindings: 300_000 }

/** What counts of one virtual host. */
export interface CountedHost {
  readonly queueCount: number
  readonly exchangeCount: number
  readonly bindingCount: number
}

/** Says when there are too many. It counts when it is asked, which is rarely, and never as messages pass. */
export class EntityCount {
  readonly #limits: EntityLimits
  readonly #hosts: () => Iterable<CountedHost>

  constructor(limits: EntityLimits, hosts: () => Iterable<CountedHost>) {
    this.#limits = limits
    this.#hosts = hosts
  }

  /**
   * Before one more is made, or behind it.
   *
   * @param what it is, for the error
   * @param made 1 when it counts already
   * @throws {ReplyError} 406 `WAYBILL_LIMIT`
   */
  requireRoom(kind: keyof EntityLimits, what: string, made = 0): void {
    let count = -made
    for (const host of this.#hosts()) count += COUNTS[kind](host)
    const limit = this.#limits[kind]
    if (count >= limit)
      throw new ReplyError(406, `cannot declare ${what}: the limit of ${limit} ${kind} is reached`, 'WAYBILL_LIMIT')
  }
}

const COUNTS: { readonly [kind in keyof EntityLimits]: (host: CountedHost) => number } = {
  queues: ({ queueCount }) => queueCount,
  exchanges: ({ exchangeCount }) => exchangeCount,
  bindings: ({ bindingCount }) => bindingCount,
}
