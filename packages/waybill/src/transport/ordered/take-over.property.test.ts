// A lane, and members that take it over from each other: what a member is told comes late, what it sends lands late or
// after its death, and the engine may put a consumer aside and make it active again without a word.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { TakeOver, type LaneToken } from './take-over.ts'

interface Stored {
  /** A marker alone, or a token. */
  readonly marker: string
  readonly value: number | undefined
  holder: Member | undefined
  deliveries: number
}

interface Delivered {
  readonly stored: Stored
  /** Which delivery of it this is: an acknowledgement of an earlier one is void. */
  readonly nth: number
  /** When the lane handed it out. */
  readonly at: number
}

interface Claim {
  readonly member: string
  readonly value: number
  readonly at: number
}

class Member {
  readonly name: string
  readonly takeOver: TakeOver<Delivered>
  readonly inbox: Delivered[] = []
  readonly outbox: Stored[] = []
  readonly acks: Delivered[] = []
  isOver = false

  constructor(name: string, lane: Lane, clock: number) {
    this.name = name
    const put = (marker: string, value?: number): void =>
      void this.outbox.push({ marker, value, holder: undefined, deliveries: 0 })
    this.takeOver = new TakeOver<Delivered>(name, {
      now: () => clock,
      mark: put,
      claim: ({ marker, value }) => put(marker, value),
      release: (delivery) => void this.acks.push(delivery),
      consumeMain: () => undefined,
      openMain: () => undefined,
      openLane: () => void lane.claims.push({ member: name, value: this.takeOver.token, at: this.#at }),
      superseded: () => void (this.isOver = true),
    })
    this.takeOver.probe()
  }

  #at = 0

  hear(): void {
    const next = this.inbox.shift()
    if (next === undefined || this.isOver) return
    this.#at = next.at
    const { marker, value } = next.stored
    if (value !== undefined) return this.takeOver.sawToken({ marker, value } satisfies LaneToken, next.nth > 1, next)
    this.acks.push(next)
    this.takeOver.sawMarker(marker)
  }
}

class Lane {
  stored: Stored[] = []
  members: Member[] = []
  readonly strays: Stored[] = []
  readonly claims: Claim[] = []
  /** Members whose writes were taken, each with the token it wrote with. */
  readonly written: { readonly member: string; readonly value: number }[] = []
  #time = 0
  #born = 0

  step(choice: number, extra: number): void {
    const member = this.members[extra % Math.max(1, this.members.length)]
    if (choice < 6) this.#deliver()
    else if (choice < 12) member?.hear()
    else if (choice < 17) this.#store(member)
    else if (choice < 21) this.#ack(member)
    else if (choice === 21) this.#join(extra)
    else if (choice === 22) this.#end(member, extra)
    else if (choice === 23) this.#putAside(member)
    else if (choice === 24) this.stored.push(...this.strays.splice(0, 1))
    else if (choice === 25) member?.takeOver.probe()
    else if (choice === 26) member?.takeOver.renew()
    else this.#write(member)
  }

  #deliver(): void {
    const active = this.members[0]
    const next = this.stored.find((each) => each.holder === undefined)
    if (active === undefined || next === undefined) return
    next.holder = active
    active.inbox.push({ stored: next, nth: ++next.deliveries, at: ++this.#time })
  }

  #store(member: Member | undefined): void {
    const next = member?.outbox.shift()
    if (next !== undefined) this.stored.push(next)
  }

  #ack(member: Member | undefined): void {
    const next = member?.acks.shift()
    if (next === undefined || next.stored.holder !== member || next.stored.deliveries !== next.nth) return
    this.stored = this.stored.filter((each) => each !== next.stored)
  }

  #join(extra: number): void {
    if (this.members.length < 3) this.members.push(new Member(`m${++this.#born}`, this, 1 + (extra % 50)))
  }

  #end(member: Member | undefined, lands: number): void {
    if (member === undefined) return
    this.strays.push(...member.outbox.filter((_, n) => ((lands >> (n % 16)) & 1) === 1))
    this.#giveBack(member)
    this.members = this.members.filter((each) => each !== member)
  }

  /** Behind the others in line, and not told. */
  #putAside(member: Member | undefined): void {
    if (member === undefined) return
    this.#giveBack(member)
    this.members = [...this.members.filter((each) => each !== member), member]
  }

  #giveBack(member: Member): void {
    for (const each of this.stored) if (each.holder === member) each.holder = undefined
  }

  #write(member: Member | undefined): void {
    const value = member?.takeOver.token ?? 0
    if (member === undefined || value === 0 || value < (this.written.at(-1)?.value ?? 0)) return
    this.written.push({ member: member.name, value })
  }
}

const plan = fc.array(fc.tuple(fc.integer({ min: 0, max: 27 }), fc.nat(65_535)), {
  minLength: 50,
  maxLength: 1_000,
  size: 'max',
})

test('TakeOver: a token is larger than that of every owner before it, whoever is put aside, dies or comes late', () => {
  let claims = 0
  fc.assert(
    fc.property(plan, (steps) => {
      const lane = new Lane()
      for (const [choice, extra] of steps) lane.step(choice, extra)
      const values = lane.claims.toSorted((a, b) => a.at - b.at).map(({ value }) => value)
      expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b))
      const writers = lane.written.map(({ member }) => member).filter((each, n, all) => each !== all[n - 1])
      expect(writers, 'fenced writes of two owners interleave').toEqual([...new Set(writers)])
      claims += values.length
    }),
    { numRuns: Number(process.env['WAYBILL_RUNS'] ?? 500) },
  )
  expect(claims).toBeGreaterThan(100)
})
