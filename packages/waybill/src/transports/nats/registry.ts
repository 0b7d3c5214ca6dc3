import type { KV, KvEntry } from '@nats-io/kv'
import { operationError } from './nats-errors.ts'

/** What a claim came to. */
export interface Claim {
  /** The value that stands: ours, or the one that was there first. */
  readonly value: string
  /** It was made by this call. */
  readonly isNew: boolean
}

/** Tries of one change that others change as well; each failure means that somebody else's went through. */
const MOST_TRIES = 20

/** The bucket in which services agree on what must be so for all of them. */
export class Registry {
  readonly #bucket: KV

  constructor(bucket: KV) {
    this.#bucket = bucket
  }

  get bucket(): KV {
    return this.#bucket
  }

  /** Of several at once, one wins: over processes and machines. */
  async claim(key: string, value: string): Promise<Claim> {
    const before = await this.get(key)
    if (before !== undefined) return { value: before.string(), isNew: false }
    try {
      await this.#bucket.create(key, value)
      return { value, isNew: true }
    } catch (error) {
      const there = await this.get(key)
      if (there !== undefined) return { value: there.string(), isNew: false }
      throw operationError(`key ${key}`, error)
    }
  }

  /**
   * Writes the value where `revision` stands (`undefined`: nothing). Answers the new revision; `undefined` when something
   * else stands there.
   */
  async write(key: string, value: string, revision: number | undefined): Promise<number | undefined> {
    try {
      return revision === undefined
        ? await this.#bucket.create(key, value)
        : await this.#bucket.update(key, value, revision)
    } catch (error) {
      if ((await this.get(key))?.revision !== revision) return undefined
      throw operationError(`key ${key}`, error)
    }
  }

  /** Sets what `change` makes of the value; left as it is when that is equal. Answers the value that stands. */
  async change(key: string, change: (value: string | undefined) => string): Promise<string> {
    for (let n = 0; ; n++) {
      const before = await this.get(key)
      const value = change(before?.string())
      if (value === before?.string()) return value
      try {
        if (before === undefined) await this.#bucket.create(key, value)
        else await this.#bucket.update(key, value, before.revision)
        return value
      } catch (error) {
        if (n === MOST_TRIES || (await this.get(key))?.revision === before?.revision)
          throw operationError(`key ${key}`, error)
      }
    }
  }

  /** Everything whose key begins with `prefix` and a dot, as it is now. */
  async under(prefix: string): Promise<readonly KvEntry[]> {
    try {
      const keys: string[] = []
      for await (const key of await this.#bucket.keys(`${prefix}.>`)) keys.push(key)
      const entries = await Promise.all(keys.map((key) => this.get(key)))
      return entries.filter((entry) => entry !== undefined)
    } catch (error) {
      throw operationError(`keys ${prefix}`, error)
    }
  }

  /** `undefined` when there is none, or none any more. */
  async get(key: string): Promise<KvEntry | undefined> {
    try {
      const entry = await this.#bucket.get(key)
      return entry === null || entry.operation !== 'PUT' ? undefined : entry
    } catch (error) {
      throw operationError(`key ${key}`, error)
    }
  }
}
