import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Heartbeats, type HeartbeatHost } from './heartbeats.ts'

class Host implements HeartbeatHost {
  received = 0
  sent = 100
  isReading = true
  beats = 0
  silences = 0

  beat(): void {
    this.beats++
    queueMicrotask(() => (this.sent += 8))
  }

  silent(): void {
    this.silences++
  }
}

function started(intervalSeconds: number): {
  host: Host
  runtime: ReturnType<typeof virtualRuntime>
  stop: () => void
} {
  const host = new Host()
  const runtime = virtualRuntime()
  const heartbeats = new Heartbeats(runtime, host)
  heartbeats.start(intervalSeconds)
  return { host, runtime, stop: () => heartbeats.stop() }
}

test('Heartbeats beat twice in an interval in which nothing else is sent', async () => {
  const { host, runtime } = started(10)
  for (let second = 0; second < 60; second++) {
    host.received++
    await runtime.advance(1_000)
  }
  expect(host.beats).toBe(12)
  for (let second = 0; second < 60; second++) {
    host.received++
    host.sent++
    await runtime.advance(1_000)
  }
  expect(host.beats).toBe(12)
})

test('Heartbeats notice a peer that has been silent for two intervals, and no sooner', async () => {
  const { host, runtime } = started(10)
  await runtime.advance(10_000)
  host.received++
  await runtime.advance(20_000)
  expect(host.silences).toBe(0)
  await runtime.advance(5_000)
  expect(host.silences).toBe(1)
  expect(runtime.timers).toEqual([])
})

test('Heartbeats hold nobody silent who is not listened to', async () => {
  const { host, runtime, stop } = started(10)
  host.isReading = false
  await runtime.advance(100_000)
  expect(host.silences).toBe(0)
  host.isReading = true
  await runtime.advance(19_999)
  expect(host.silences).toBe(0)
  stop()
  expect(runtime.timers).toEqual([])
})

test('Heartbeats of no interval are none', async () => {
  const { host, runtime } = started(0)
  await runtime.advance(1_000_000)
  expect([host.beats, host.silences]).toEqual([0, 0])
})
