import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { describeNeeding } from '../needing.test-support.ts'
import { canRunKafka } from './kafka-class-path.ts'
import { KafkaServer } from './kafka-server.ts'

vi.setConfig({ testTimeout: 240_000 })

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    // Refused.
    return false
  } finally {
    socket.destroy()
  }
}

describeNeeding(canRunKafka() ? undefined : 'java and mvn are not installed')('KafkaServer', () => {
  test('start() takes connections until kill(), and again after restart()', async () => {
    await using server = await KafkaServer.start({ tls: true })
    expect(await accepts(server.port)).toBe(true)
    expect(await accepts(server.saslPort)).toBe(true)
    await server.kill()
    expect(await accepts(server.port)).toBe(false)
    await server.restart()
    expect(await accepts(server.port)).toBe(true)
  })
})
