import { describe, expect, test } from 'vitest'
import { Deadlines } from '../../runtime/deadlines.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { ShardHoldings, type HeldShard, type ShardClaims } from './shard-holdings.ts'

class Held implements HeldShard {
  readonly shard: number
  readonly token: number
  isAssigned = true
  isEnded = false
  drained: Promise<void> = Promise.resolve()

  constructor(shard: number, token: number) {
    this.shard = shard
    this.token = token
  }

  drain(): Promise<void> {
    return this.drained
  }

  end(): void {
    this.isEnded = true
    this.isAssigned = false
  }
}

/** A registry of shards that several members would share. */
class Registry implements ShardClaims<Held, number> {
  wanted: readonly number[] = []
  readonly others = new Set<number>()
  readonly overtaken = new Set<number>()
  readonly calls: string[] = []
  /** Why the next claims fail. */
  fault: Error | undefined
  taking: Promise<void> = Promise.resolve()
  #token = 0

  isOvertaken({ shard }: Held): boolean {
    return this.overtaken.has(shard)
  }

  isFree(shard: number): boolean {
    return !this.others.has(shard)
  }

  async take(shard: number): Promise<number | undefined> {
    this.calls.push(`take ${shard}`)
    await this.taking
    if (this.fault !== undefined) throw this.fault
    return this.others.has(shard) ? undefined : ++this.#token
  }

  own(shard: number, token: number): Held {
    return new Held(shard, token)
  }

  giveBack(shard: number): Promise<void> {
    this.calls.push(`give back ${shard}`)
    return Promise.resolve()
  }

  release({ shard }: Held): Promise<void> {
    this.calls.push(`release ${shard}`)
    return Promise.resolve()
  }

  restore(): Promise<void> {
    this.calls.push('restore')
    return Promise.resolve()
  }
}

function bench() {
  // Back-off at its longest.
  const runtime = { ...virtualRuntime(), random: () => 1 }
  const registry = new Registry()
  const told: string[] = []
  const holdings = new ShardHoldings(registry, runtime, new Deadlines(runtime), {
    taken: ({ shard }) => void told.push(`taken ${shard}`),
    revoked: (shard) => void told.push(`revoked ${shard}`),
    lost: (error) => void told.push(`lost: ${error.message}`),
    dropped: ({ shard }) => void told.push(`dropped ${shard}`),
    failed: (error) => void told.push(`failed: ${error.message}`),
  })
  const wants = async (...shards: readonly number[]): Promise<void> => {
    registry.wanted = shards
    holdings.reconcile()
    await runtime.settle()
  }
  const held = (): readonly number[] => [...holdings.owners].map(({ shard }) => shard)
  return { runtime, registry, told, holdings, wants, held }
}

/** Of a shard that is held. */
function ownerOf({ holdings }: Pick<ReturnType<typeof bench>, 'holdings'>, shard: number): Held {
  const owner = holdings.ownerOf(shard)
  if (owner === undefined) throw new Error(`shard ${shard} is not held`)
  return owner
}

describe('ShardHoldings', () => {
  test('takes what is its own, and lets go of what is another member’s', async () => {
    const { registry, told, wants, held } = bench()
    await wants(0, 1)
    expect(held()).toEqual([0, 1])
    await wants(1)
    expect(held()).toEqual([1])
    expect(registry.calls).toEqual(['take 0', 'take 1', 'release 0'])
    expect(told).toEqual(['taken 0', 'taken 1', 'dropped 0', 'revoked 0'])
  })

  test('a shard that somebody has is looked at again, should nobody tell', async () => {
    const { runtime, registry, wants, held } = bench()
    registry.others.add(0)
    await wants(0)
    expect(held()).toEqual([])
    registry.others.clear()
    await runtime.advance(1_000)
    expect(held()).toEqual([0])
  })

  test('is not taken twice while it is being taken, nor while it is being let go', async () => {
    const b = bench()
    let taken = (): void => undefined
    b.registry.taking = new Promise((resolve) => (taken = resolve))
    await b.wants(0)
    await b.wants(0)
    expect(b.registry.calls).toEqual(['take 0'])
    taken()
    await b.runtime.settle()
    let drained = (): void => undefined
    ownerOf(b, 0).drained = new Promise((resolve) => (drained = resolve))
    await b.wants()
    await b.wants(0)
    await b.wants()
    await b.wants(0)
    expect(b.registry.calls).toEqual(['take 0'])
    drained()
    await b.runtime.settle()
    expect(b.registry.calls).toEqual(['take 0', 'release 0', 'take 0'])
    expect(b.held()).toEqual([0])
  })

  test('what another has taken meanwhile is dropped at once, and not released', async () => {
    const { registry, told, wants, held } = bench()
    await wants(0)
    registry.overtaken.add(0)
    registry.others.add(0)
    await wants(0)
    expect(held()).toEqual([])
    expect(registry.calls).toEqual(['take 0'])
    expect(told).toEqual(['taken 0', 'dropped 0', 'revoked 0'])
  })

  test('a fenced owner ends, and its shard is looked at again', async () => {
    const b = bench()
    await b.wants(0)
    const former = ownerOf(b, 0)
    b.holdings.fenced(former)
    expect([former.isEnded, b.held()]).toEqual([true, []])
    await b.runtime.advance(1_000)
    expect(ownerOf(b, 0).token).toBe(2)
  })

  test('a failed shard is let go, what was deleted is made again, and it is taken after a back-off that grows', async () => {
    const b = bench()
    await b.wants(0)
    b.holdings.failed(ownerOf(b, 0), new Error('gone'))
    await b.runtime.settle()
    expect(b.told.at(1)).toBe('lost: gone')
    expect(b.registry.calls).toEqual(['take 0', 'release 0', 'restore'])
    expect(b.holdings.isWhole).toBe(false)
    await b.runtime.advance(60_000)
    expect(b.held()).toEqual([0])
    // It is its owner that says when all is well again.
    expect(b.holdings.mended(0)).toBe(true)
    expect(b.holdings.mended(0)).toBe(false)
    expect(b.holdings.isWhole).toBe(true)
  })

  test('a claim that fails is told, and tried again', async () => {
    const { runtime, registry, told, wants, held } = bench()
    registry.fault = new Error('no quorum')
    await wants(0)
    expect(told).toEqual(['failed: no quorum'])
    registry.fault = undefined
    await runtime.advance(60_000)
    expect(held()).toEqual([0])
  })

  test('what it gets while it closes is given back; afterwards it takes nothing', async () => {
    const b = bench()
    let taken = (): void => undefined
    b.registry.taking = new Promise((resolve) => (taken = resolve))
    await b.wants(0)
    await b.holdings.close(0)
    taken()
    await b.runtime.settle()
    expect(b.registry.calls).toEqual(['take 0', 'give back 0'])
    await b.wants(0, 1)
    expect(b.registry.calls).toEqual(['take 0', 'give back 0'])
  })

  test('the end of the link voids all: nothing is released, and a claim that was under way counts for nothing', async () => {
    const b = bench()
    await b.wants(0)
    let taken = (): void => undefined
    b.registry.taking = new Promise((resolve) => (taken = resolve))
    await b.wants(0, 1)
    const owner = ownerOf(b, 0)
    b.holdings.end()
    taken()
    await b.runtime.settle()
    await b.runtime.advance(60_000)
    expect([owner.isEnded, b.held()]).toEqual([true, []])
    expect(b.registry.calls).toEqual(['take 0', 'take 1'])
    expect(b.told).toEqual(['taken 0', 'dropped 0', 'revoked 0'])
  })
})
