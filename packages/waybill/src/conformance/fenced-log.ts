// An external store for writes of the owners of shards: it knows nothing of engines, and takes a write only with a token
// at least as large as the largest it has seen for the shard. So it shows what fencing is worth.

/** A shard's writes are another member's from here on. */
export interface Change {
  readonly shard: number
  readonly from: string
  readonly to: string
  /** When the one wrote last, and the other first, by the caller's clock. */
  readonly lastAt: number
  readonly firstAt: number
}

interface Owner {
  readonly member: string
  readonly token: number
  lastAt: number
}

export class FencedLog {
  /** Oldest first. */
  readonly changes: Change[] = []
  /** What should never be: writes without a token, and tokens that two members wrote with. */
  readonly faults: string[] = []
  /** Writes taken, and writes of former owners that were not. */
  taken = 0
  refused = 0
  readonly #owners = new Map<number, Owner>()
  readonly #tokens = new Map<string, string>()

  /** @returns whether the write was taken */
  write(shard: number, member: string, token: number | undefined, at: number): boolean {
    if (token === undefined) {
      this.faults.push(`${member} writes to shard ${shard} without a token`)
      return false
    }
    const before = this.#owners.get(shard)
    if (before !== undefined && token < before.token) {
      this.refused++
      return false
    }
    this.#note(shard, member, token)
    if (before !== undefined && before.member !== member)
      this.changes.push({ shard, from: before.member, to: member, lastAt: before.lastAt, firstAt: at })
    this.#owners.set(shard, { member, token, lastAt: at })
    this.taken++
    return true
  }

  #note(shard: number, member: string, token: number): void {
    const key = `${shard}/${token}`
    const other = this.#tokens.get(key)
    if (other === undefined) this.#tokens.set(key, member)
    else if (other !== member) this.faults.push(`${other} and ${member} write to shard ${shard} with token ${token}`)
  }
}
