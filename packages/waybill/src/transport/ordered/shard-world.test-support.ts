// A broker's main queue and lane for one shard, and owners that come, go and die: the model that gate and take-over are
// tested against. One scheduler decides everything by numbers from outside, so that a failure replays and shrinks.
import type { GateEntry } from './key-queue.ts'
import { ShardGate } from './shard-gate.ts'
import { TakeOver, type TakeOverPhase } from './take-over.ts'

export interface ModelMessage {
  readonly id: string
  readonly key: string
  readonly attempt: number
  readonly sequence?: number
  readonly due?: number
  readonly marker?: string
  readonly token?: number
}

interface Stored {
  readonly message: ModelMessage
  deliveries: number
  holder: Owner | undefined
}

/** With a single active consumer; what a consumer leaves unacknowledged returns to its place. */
class ModelQueue {
  readonly stored: Stored[] = []
  consumers: Owner[] = []

  put(message: ModelMessage): void {
    this.stored.push({ message, deliveries: 0, holder: undefined })
  }

  next(owner: Owner, window: number): Stored | undefined {
    if (this.consumers[0] !== owner) return undefined
    if (this.stored.filter((each) => each.holder === owner).length >= window) return undefined
    const found = this.stored.find((each) => each.holder === undefined)
    if (found === undefined) return undefined
    found.holder = owner
    found.deliveries++
    return found
  }

  ack(message: ModelMessage, owner: Owner): void {
    const at = this.stored.findIndex((each) => each.message === message && each.holder === owner)
    if (at >= 0) this.stored.splice(at, 1)
  }

  detach(owner: Owner): void {
    this.consumers = this.consumers.filter((each) => each !== owner)
    for (const each of this.stored) if (each.holder === owner) each.holder = undefined
  }
}

interface Tagged {
  readonly message: ModelMessage
  readonly queue: ModelQueue
}

const MAIN_WINDOW = 4

class Owner {
  readonly #world: World
  readonly #takeOver: TakeOver<Tagged>
  readonly gate: ShardGate<Tagged>
  readonly #acks: Tagged[] = []
  readonly #inHand: GateEntry<Tagged>[] = []
  /** Copies and markers sent and not yet stored. */
  #sent: { readonly message: ModelMessage; readonly confirm: () => void }[] = []
  #leaving = false

  constructor(world: World, name: string) {
    this.#world = world
    const gate = new ShardGate<Tagged>(
      {
        now: () => world.now,
        handOut: (entry) => this.#take(entry),
        release: (delivery) => void this.#acks.push(delivery),
        wakeAt: () => undefined, // every tick wakes every key
        copy: (entry) => {
          const { id, key, attempt, due, sequence } = entry
          if (sequence === undefined) throw new Error('a copy without sequence')
          this.#sent.push({ message: { id, key, attempt, due, sequence }, confirm: () => gate.copied(entry) })
        },
      },
      world.laneLimit,
    )
    this.gate = gate
    this.#takeOver = new TakeOver<Tagged>(name, {
      now: () => world.clock(),
      claim: ({ marker, value }) =>
        void this.#sent.push({
          message: { id: '', key: '', attempt: 0, marker, token: value },
          confirm: () => undefined,
        }),
      release: (delivery) => void this.#acks.push(delivery),
      superseded: () => {
        this.leave()
        world.add()
      },
      mark: (marker) =>
        void this.#sent.push({ message: { id: '', key: '', attempt: 0, marker }, confirm: () => undefined }),
      consumeMain: () => void (this.#leaving || world.main.consumers.push(this)),
      openLane: () => {
        world.claimed.push(this.#takeOver.token)
        if (!this.#leaving) gate.openLane()
      },
      openMain: () => void (this.#leaving || gate.openMain()),
    })
    world.lane.consumers.push(this)
    this.#takeOver.probe()
  }

  /** Stops taking work; lets go of the main queue, then of the lane, once nothing is in hand. */
  leave(): void {
    this.#leaving = true
    this.gate.shut()
  }

  loseLane(): void {
    this.#world.lane.detach(this)
    this.leave()
  }

  loseMain(): void {
    this.#world.main.detach(this)
    this.leave()
  }

  /** Unflushed acknowledgements are lost; of what it sent, some lands, now or later. */
  die(lands: number): void {
    this.#world.strays.push(...this.#sent.filter((_, n) => ((lands >> (n % 16)) & 1) === 1).map((each) => each.message))
    this.#world.main.detach(this)
    this.#world.lane.detach(this)
    this.#world.owners = this.#world.owners.filter((each) => each !== this)
  }

  /** @returns whether anything happened */
  step(choice: number, extra: number): boolean {
    if (choice < 3) return this.#fromMain()
    if (choice < 6) return this.#fromLane()
    if (choice < 9) return this.#store(extra)
    if (choice < 11) return this.#flush()
    if (choice < 13) return this.#settle(extra, true)
    if (choice < 15) return this.#settle(extra, false)
    if (!this.#leaving) this.#takeOver.probe()
    return this.#let()
  }

  renew(): void {
    if (!this.#leaving) this.#takeOver.renew()
  }

  get phase(): TakeOverPhase {
    return this.#takeOver.phase
  }

  #let(): boolean {
    if (!this.#leaving || this.#inHand.length + this.#sent.length > 0) return false
    while (this.#flush());
    this.die(0)
    return true
  }

  #take(entry: GateEntry<Tagged>): void {
    const { message } = entry.delivery as Tagged // handed out with a delivery
    if (message.id !== entry.id) throw new Error('handed out with another delivery')
    if (entry.due > this.#world.now) throw new Error(`${entry.id} handed out before it is due`)
    if (this.#inHand.some((each) => each.key === entry.key)) throw new Error(`two of key ${entry.key} handed out`)
    this.#world.attempts.set(entry.id, Math.max(this.#world.attempts.get(entry.id) ?? 0, entry.attempt))
    this.#inHand.push(entry)
  }

  #fromMain(): boolean {
    const message = this.#world.main.next(this, MAIN_WINDOW)?.message
    if (message === undefined) return false
    this.gate.fromMain(message.id, message.key, message.attempt, { message, queue: this.#world.main })
    this.#takeOver.sawMain()
    return true
  }

  #fromLane(): boolean {
    const next = this.#world.lane.next(this, Infinity)
    if (next === undefined) return false
    const { message, deliveries } = next
    const { marker, token, id, key, attempt, sequence = 0, due = 0 } = message
    const delivery = { message, queue: this.#world.lane }
    if (marker !== undefined && token !== undefined) {
      if (!this.#leaving) this.#takeOver.sawToken({ marker, value: token }, deliveries > 1, delivery)
    } else if (marker === undefined) this.gate.fromLane({ id, key, attempt, sequence, due, delivery })
    else {
      this.#acks.push(delivery)
      this.#takeOver.sawMarker(marker)
    }
    return true
  }

  /** The first sent is stored; its delivery and its confirmation race. */
  #store(extra: number): boolean {
    const next = this.#sent.shift()
    if (next === undefined) return false
    this.#world.lane.put(next.message)
    if (extra % 2 === 0) this.#fromLane()
    next.confirm()
    return true
  }

  #flush(): boolean {
    const ack = this.#acks.shift()
    ack?.queue.ack(ack.message, this)
    return ack !== undefined
  }

  #settle(extra: number, succeeds: boolean): boolean {
    const entry = this.#inHand.splice(extra % Math.max(1, this.#inHand.length), 1)[0]
    if (entry === undefined) return false
    if (succeeds) {
      this.#world.handled.push(entry.id)
      this.gate.done(entry)
    } else this.gate.retry(entry, entry.attempt + 1, this.#world.now + (extra % 5))
    return true
  }
}

export class World {
  readonly laneLimit: number
  readonly keys: readonly string[]
  readonly main = new ModelQueue()
  readonly lane = new ModelQueue()
  /** Ids in the order in which handlings succeeded. */
  readonly handled: string[] = []
  /** The highest attempt handed out. */
  readonly attempts = new Map<string, number>()
  /** Tokens in the order in which they came into use. */
  readonly claimed: number[] = []
  owners: Owner[] = []
  /** What dead owners sent, still on its way. */
  readonly strays: ModelMessage[] = []
  now = 0
  #born = 0

  /** @param keys of the messages published, in order; message `n` has id `<key><n>` */
  constructor(keys: readonly string[], laneLimit: number) {
    this.keys = keys
    this.laneLimit = laneLimit
    keys.forEach((key, n) => this.main.put({ id: `${key}${n}`, key, attempt: 1 }))
    this.join()
  }

  join(): void {
    if (this.owners.length < 3) this.add()
  }

  add(): void {
    this.owners.push(new Owner(this, `owner${++this.#born}`))
  }

  step(choice: number, extra: number): void {
    const owner = this.owners[extra % Math.max(1, this.owners.length)]
    if (choice < 16) owner?.step(choice, extra >> 2)
    else if (choice < 18) this.tick()
    else if (choice === 18) this.join()
    else if (choice === 19) owner?.leave()
    else if (choice === 20) owner?.die(extra)
    else if (choice === 21) owner?.loseLane()
    else if (choice === 22) owner?.loseMain()
    else if (choice === 23) this.land()
    else owner?.renew()
  }

  /** Of the owners' machines: they do not agree. */
  clock(): number {
    return 1 + ((this.now * 7) % 11)
  }

  tick(): void {
    this.now++
    for (const owner of this.owners) for (const key of new Set(this.keys)) owner.gate.wake(key)
  }

  land(): boolean {
    const stray = this.strays.shift()
    if (stray !== undefined) this.lane.put(stray)
    return stray !== undefined
  }

  /** Everybody goes, one comes, nothing fails any more. */
  drain(): void {
    for (const owner of this.owners) owner.leave()
    this.add()
    for (let idle = 0, n = 0; idle < 10 && n < 20_000; n++) {
      const moved = this.owners.flatMap((owner) => [0, 3, 6, 9, 11, 15].map((choice) => owner.step(choice, n)))
      this.tick()
      idle = moved.includes(true) || this.land() ? 0 : idle + 1
    }
  }
}
