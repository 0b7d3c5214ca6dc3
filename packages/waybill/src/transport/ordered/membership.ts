/**
 * Who is in a group, and so who takes which shard. All members compute the same spread from the same list: sorted by id,
 * shard `s` belongs to member `s` modulo their number. While lists differ, an engine's single active consumer decides.
 */
export class Membership {
  readonly self: string
  readonly #members = new Set<string>()

  constructor(self: string) {
    this.self = self
    this.#members.add(self)
  }

  /** Sorted; this member included. */
  get members(): readonly string[] {
    return [...this.#members].toSorted()
  }

  /** @returns whether it is news */
  add(member: string): boolean {
    if (this.#members.has(member)) return false
    this.#members.add(member)
    return true
  }

  /** @returns whether it is news; a member does not remove itself */
  remove(member: string): boolean {
    return member !== this.self && this.#members.delete(member)
  }

  /**
   * The member after this one, in a ring: the one that this member watches. One watcher each keeps the cost of watching
   * linear in the number of members. `undefined` when alone.
   */
  get watched(): string | undefined {
    const members = this.members
    const next = members[(members.indexOf(this.self) + 1) % members.length]
    return next === this.self ? undefined : next
  }

  /**
   * Whom to ask for a sign of life in this round: the watched one, and each other in turn. The ring alone would never
   * miss a member that died just before the one that should watch it came: the newcomer has not heard of it, and those
   * who have watch somebody else.
   */
  toAsk(round: number): readonly string[] {
    const { watched } = this
    if (watched === undefined) return []
    const others = this.members.filter((member) => member !== this.self)
    const turn = others[round % others.length] as string // not alone, so there is one
    return turn === watched ? [watched] : [watched, turn]
  }

  /** The shards of this member, ascending. */
  shardsOf(shards: number): readonly number[] {
    const members = this.members
    const mine = members.indexOf(this.self)
    const owned: number[] = []
    for (let shard = mine; shard < shards; shard += members.length) owned.push(shard)
    return owned
  }
}
