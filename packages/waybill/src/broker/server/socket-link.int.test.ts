import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FRAME } from './differential/hearing.test-support.ts'
import { openBrokerOn } from '../open-broker.ts'
import type { StoreFiles } from '../store/store-files.ts'
import { SimulatedDisk } from '../store/simulated-files.ts'
import { frameOf, HEADER, publishFrames, type WireClient } from './differential/wire-client.test-support.ts'
import { ServedBroker } from './served-broker.test-support.ts'
import { methodFrame } from './session-client.test-support.ts'

const MIB = 1024 * 1024

let served: ServedBroker

beforeEach(async () => {
  served = await ServedBroker.start({ memoryHighWaterBytes: 64 * MIB })
})

afterEach(() => served.stop())

/** A disk in memory, whose writes are done once it goes on. */
class StallingDisk {
  readonly #disk = new SimulatedDisk({ random: () => 0.5, later: (done) => this.#later(done) })
  readonly #waiting: (() => void)[] = []
  #isStalled = false

  files(): StoreFiles {
    return this.#disk.files()
  }

  set isStalled(isStalled: boolean) {
    this.#isStalled = isStalled
    for (const done of this.#waiting.splice(0)) setImmediate(done)
  }

  #later(done: () => void): void {
    if (this.#isStalled) this.#waiting.push(done)
    else setImmediate(done)
  }
}

/** Another client is served while something goes on. */
async function isServed(): Promise<void> {
  const other = await served.open()
  const { name } = await other.call(1, 'access.request')
  expect(name).toBe('access.request-ok')
  await other.close()
}

/** Publishes `count` bodies of `octets`, with their numbers, and waits until the server has taken them. */
async function fill(publisher: WireClient, queue: string, count: number, octets: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const body = Buffer.alloc(octets)
    body.writeUInt32BE(n)
    publisher.publish(1, { routingKey: queue, body })
  }
  await publisher.call(1, 'access.request')
}

async function heardNumbers(client: WireClient, count: number): Promise<number[]> {
  const numbers: number[] = []
  while (numbers.length < count) {
    const { content } = await client.hear(1)
    if (content !== undefined) numbers.push(content.body.readUInt32BE())
  }
  return numbers
}

describe('a client that does not read', () => {
  test('is sent little more than a mebibyte, others go on, and it gets the rest when it reads', async () => {
    const [deaf, publisher] = [await served.open(), await served.open()]
    const link = [...served.server.links][0]
    await deaf.call(1, 'queue.declare', { queue: 'q' })
    deaf.socket.pause()
    deaf.say(1, 'basic.consume', { queue: 'q', 'no-ack': true })
    await fill(publisher, 'q', 1_000, 20_000)
    await served.runtime.settle()
    const ready = served.broker.root.findQueue('q')?.ready ?? 0
    expect(ready).toBeGreaterThan(100)
    expect(link?.unread).toBeGreaterThan(MIB)
    expect(link?.unread).toBeLessThan(2 * MIB)
    await isServed()
    deaf.socket.resume()
    expect(await heardNumbers(deaf, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
  })

  test('is not answered for ever: it is not listened to until it has read', async () => {
    const [deaf, publisher] = [await served.open(), await served.open()]
    const link = [...served.server.links][0]
    await deaf.call(1, 'queue.declare', { queue: 'q' })
    await fill(publisher, 'q', 1_000, 30_000)
    deaf.socket.pause()
    deaf.write(
      Buffer.concat(Array.from({ length: 1_000 }, () => methodFrame(1, 'basic.get', { queue: 'q', 'no-ack': true }))),
    )
    await expect.poll(() => link?.isReading).toBe(false)
    expect(link?.unread).toBeLessThan(9 * MIB)
    await isServed()
    deaf.socket.resume()
    expect(await heardNumbers(deaf, 1_000)).toHaveLength(1_000)
  })
})

describe('a publisher that floods', () => {
  test('is not read while memory is full, and loses nothing', async () => {
    await served.stop()
    served = await ServedBroker.start({ memoryHighWaterBytes: 2 * MIB })
    const [publisher, consumer] = [await served.open(), await served.open()]
    const link = [...served.server.links][0]
    await consumer.call(1, 'queue.declare', { queue: 'q' })
    for (let n = 0; n < 1_000; n++) {
      const body = Buffer.alloc(20_000)
      body.writeUInt32BE(n)
      publisher.publish(1, { routingKey: 'q', body })
    }
    publisher.say(1, 'access.request')
    expect((await publisher.hear(0)).name).toBe('connection.blocked')
    await served.runtime.settle()
    expect(link?.received).toBeLessThan(4 * MIB)
    await consumer.call(1, 'basic.consume', { queue: 'q', 'no-ack': true })
    expect(await heardNumbers(consumer, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
    expect((await publisher.hear(1)).name).toBe('access.request-ok')
    expect((await publisher.hear(0)).name).toBe('connection.unblocked')
  })
})

describe('a publisher that is faster than the disk', () => {
  test('is not read while the log is behind, hears nothing of it, and is confirmed in the end', async () => {
    await served.stop()
    const disk = new StallingDisk()
    served = await ServedBroker.start({
      open: (runtime) => openBrokerOn({ files: disk.files(), runtime, segmentBytes: 16 * MIB }),
    })
    const [publisher, other] = [await served.open(), await served.open()]
    const link = [...served.server.links][0]
    await publisher.call(1, 'queue.declare', { queue: 'q', durable: true })
    await publisher.call(1, 'confirm.select')
    disk.isStalled = true
    for (let n = 0; n < 1_000; n++) {
      publisher.publish(1, { routingKey: 'q', body: Buffer.alloc(50_000), properties: { deliveryMode: 2 } })
    }
    await expect.poll(() => link?.isReading).toBe(false)
    for (let n = 0; n < 20; n++) {
      expect((await other.call(1, 'queue.declare', { queue: 'q', passive: true })).name).toBe('queue.declare-ok')
    }
    expect(link?.received).toBeGreaterThan(30 * MIB)
    expect(link?.received).toBeLessThan(36 * MIB)
    disk.isStalled = false
    let confirmed = 0
    while (confirmed < 1_000) {
      const { name, fields } = await publisher.hear(1)
      expect(name).toBe('basic.ack')
      confirmed = Math.max(confirmed, Number(fields['delivery-tag']))
    }
    publisher.say(0, 'connection.update-secret')
    expect((await publisher.hear(0)).name).toBe('connection.update-secret-ok')
  })
})

describe('requests by the thousand in one packet', () => {
  test('are answered in order', async () => {
    const client = await served.open()
    const names = Array.from({ length: 2_000 }, (_, n) => `q${n}`)
    client.write(Buffer.concat(names.map((queue) => methodFrame(1, 'queue.declare', { queue }))))
    const answered: unknown[] = []
    for (let n = 0; n < names.length; n++) answered.push((await client.hear(1)).fields['queue'])
    expect(answered).toEqual(names)
  })
})

describe('time runs out', () => {
  test('for who says nothing, or only a part of the handshake', async () => {
    const clients: WireClient[] = []
    for (const said of [
      [],
      [HEADER.subarray(0, 4)],
      [HEADER],
      [
        HEADER,
        methodFrame(0, 'connection.start-ok', { mechanism: 'PLAIN', response: '\0guest\0guest' }),
        methodFrame(0, 'connection.tune-ok', { 'channel-max': 10, 'frame-max': 4_096 }),
      ],
    ]) {
      const client = await served.connect()
      client.write(Buffer.concat(said))
      clients.push(client)
    }
    const open = await served.open()
    await served.connections(5)
    await served.runtime.advance(9_999)
    expect(served.server.connections).toBe(5)
    await served.runtime.advance(1)
    await served.connections(1)
    await Promise.all(clients.map((client) => client.ended()))
    await open.close()
  })

  test.each([
    ['an error', (): void => {}],
    ['the broker', (): void => served.lastLink.close('enough')],
  ])('for who does not say close-ok, closed by %s', async (_, close) => {
    const client = await served.open()
    client.socket.pause()
    if (close.length === 0) client.say(1, 'channel.open')
    close()
    await expect.poll(() => served.lastLink.session.state).toBe('closing')
    await served.runtime.advance(4_999)
    expect(served.server.connections).toBe(1)
    await served.runtime.advance(1)
    await served.connections(0)
  })

  test('for who is silent for two heartbeats, and not for who beats', async () => {
    const [silent, beating] = [await served.open({ heartbeat: 10 }), await served.open({ heartbeat: 10 })]
    for (let n = 0; n < 3; n++) {
      beating.frame(FRAME.heartbeat, 0)
      await served.runtime.advance(8_000)
    }
    await served.runtime.advance(3_000)
    await silent.ended()
    expect(served.server.connections).toBe(1)
    expect(beating.heartbeats).toBeGreaterThan(2)
    await beating.close()
  })

  test('for nobody whose publishes wait', async () => {
    const client = await served.open({ heartbeat: 10 })
    served.broker.diskIsFull(true)
    client.publish(1, { routingKey: 'x' })
    expect((await client.hear(0)).name).toBe('connection.blocked')
    await served.runtime.advance(100_000)
    served.broker.diskIsFull(false)
    expect((await client.hear(0)).name).toBe('connection.unblocked')
    await client.close()
  })
})

describe('a refused login', () => {
  test('is told to who can be told', async () => {
    const client = await served.connect()
    const { name, fields } = await client.shakeHands({ password: 'wrong' })
    expect([name, fields['reply-code']]).toEqual(['connection.close', 403])
    await served.connections(0)
  })

  test('is a silence of a second to who cannot, even where the client takes its leave', async () => {
    const client = await served.connect()
    client.write(HEADER)
    await client.hear(0)
    const ended = client.logIn({ password: 'wrong', clientProperties: {} })
    client.say(0, 'connection.close')
    await served.runtime.advance(900)
    expect(served.server.connections).toBe(1)
    await served.runtime.advance(100)
    expect((await ended).name).toBe('end')
  })
})

describe('the end of a socket', () => {
  test.each<[string, (client: WireClient) => void]>([
    ['closed by the client', (client) => client.socket.end()],
    ['half closed', (client) => void client.socket.end(frameOf(FRAME.method, 1, Buffer.of(0, 50)).subarray(0, 9))],
    ['reset', (client) => client.socket.resetAndDestroy()],
  ])('%s: what the connection had is gone', async (_, end) => {
    const client = await served.open()
    await client.call(1, 'queue.declare', { queue: 'own', exclusive: true })
    end(client)
    await served.connections(0)
    expect([...served.broker.root.queues.keys()]).toEqual([])
    expect(served.runtime.timers).toEqual([])
  })

  test('in the midst of a publish', async () => {
    const client = await served.open()
    const [method, header, body] = publishFrames(1, { routingKey: 'x', body: 'whole' })
    client.write(Buffer.concat([method ?? HEADER, header ?? HEADER, (body ?? HEADER).subarray(0, 9)]))
    await client.call(0, 'connection.update-secret').catch(() => undefined)
    client.drop()
    await served.connections(0)
    expect(served.runtime.timers).toEqual([])
  })
})
