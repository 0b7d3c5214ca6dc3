import { describe, expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { message } from '../fixtures.test-support.ts'
import type { Settlement } from '../transport.ts'
import { HandOut, windowFor } from './hand-out.ts'
import type { GateEntry } from './key-queue.ts'
import { OrderedDelivery, type DeliveryOwner } from './ordered-delivery.ts'

type Item = string
type Given = OrderedDelivery<Item>

class Owner implements DeliveryOwner<Item> {
  readonly shard: number
  readonly fencing = 7
  handed = 0
  forgotten = 0
  readonly settled: string[] = []

  constructor(shard: number) {
    this.shard = shard
  }

  settle({ message: { id } }: Given, { action }: Settlement): void {
    this.settled.push(`${id} ${action}`)
  }

  forget(): void {
    this.forgotten++
  }

  gives(id: string): Given {
    const entry: GateEntry<Item> = {
      id, key: '', sequence: undefined, attempt: 1, due: 0, delivery: id, copy: undefined, state: 'handed',
    } // prettier-ignore
    return new OrderedDelivery(entry, this, { message: message(id), deliveryCount: 1 })
  }
}

function bench(prefetch: number) {
  const runtime = virtualRuntime()
  const batches: (readonly Given[])[] = []
  const owners = new Map<number, Owner>()
  const member = { isHeld: true }
  const handOut = new HandOut<Item>(prefetch, runtime, {
    receive: (batch) => void batches.push(batch),
    isHeld: () => member.isHeld,
    ownerOf: (shard) => owners.get(shard),
  })
  const owner = (shard: number): Owner => {
    const made = new Owner(shard)
    owners.set(shard, made)
    return made
  }
  const given = (): readonly string[] => batches.flat().map(({ message: { id } }) => id)
  const settle = (...ids: readonly string[]): void => {
    const of = batches.flat().filter(({ message: { id } }) => ids.includes(id))
    handOut.settle(of.map((delivery) => ({ delivery, action: 'ack' })))
  }
  return { runtime, handOut, batches, owners, member, owner, given, settle }
}

describe('HandOut', () => {
  test('hands out what came in one turn at once, and never more than the prefetch over all shards', async () => {
    const { runtime, handOut, batches, owner, given, settle } = bench(3)
    const [zero, one] = [owner(0), owner(1)]
    for (const delivery of [zero.gives('a'), one.gives('b'), zero.gives('c'), one.gives('d')]) handOut.add(delivery)
    expect(batches).toEqual([])
    await runtime.settle()
    expect(batches.map(({ length }) => length)).toEqual([3])
    expect([zero.handed, one.handed]).toEqual([2, 1])
    settle('b')
    await runtime.settle()
    expect(given()).toEqual(['a', 'b', 'c', 'd'])
    expect(one.settled).toEqual(['b ack'])
  })

  test('a larger prefetch lets more out at once, and none stops', async () => {
    const { runtime, handOut, owner, given } = bench(0)
    handOut.add(owner(0).gives('a'))
    await runtime.settle()
    expect(given()).toEqual([])
    handOut.flow(1)
    await runtime.settle()
    expect(given()).toEqual(['a'])
  })

  test('a settlement counts once, and not when the shard has another owner by now', async () => {
    const { runtime, handOut, owner, given, settle } = bench(2)
    const former = owner(0)
    handOut.add(former.gives('a'))
    handOut.add(former.gives('b'))
    await runtime.settle()
    settle('a')
    settle('a')
    expect(former.settled).toEqual(['a ack'])
    expect(former.handed).toBe(1)
    handOut.drop(former)
    const present = owner(0)
    settle('b')
    expect([...former.settled, ...present.settled]).toEqual(['a ack'])
    // The room is right: two, and no more.
    for (const id of ['c', 'd', 'e']) handOut.add(present.gives(id))
    await runtime.settle()
    expect(given()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('an owner that leaves is told of what it let through and nobody will get', async () => {
    const { runtime, handOut, owner, given } = bench(1)
    const [leaving, staying] = [owner(0), owner(1)]
    for (const delivery of [leaving.gives('a'), leaving.gives('b'), staying.gives('c')]) handOut.add(delivery)
    await runtime.settle()
    handOut.withdraw(leaving)
    expect([leaving.forgotten, staying.forgotten]).toEqual([1, 0])
    handOut.drop(leaving)
    await runtime.settle()
    expect(given()).toEqual(['a', 'c'])
  })

  test('a member that no longer counts, or has ended, hands out nothing', async () => {
    const { runtime, handOut, member, owner, given } = bench(8)
    member.isHeld = false
    handOut.add(owner(0).gives('a'))
    await runtime.settle()
    expect(given()).toEqual([])
    member.isHeld = true
    handOut.end()
    handOut.add(owner(0).gives('b'))
    await runtime.settle()
    expect(given()).toEqual([])
  })

  test('takes deliveries of an ordered subscription alone', () => {
    const { handOut } = bench(1)
    const delivery = { message: message('x'), redelivered: false, deliveryCount: 1, shard: 0 }
    expect(() => handOut.settle([{ delivery, action: 'ack' }])).toThrow(TypeError)
  })

  test('a window is never so small that one key hides the others', () => {
    expect([windowFor(1), windowFor(16), windowFor(100)]).toEqual([32, 32, 200])
  })
})
