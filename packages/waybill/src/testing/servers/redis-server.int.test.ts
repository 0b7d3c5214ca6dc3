import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { describeNeeding } from '../needing.test-support.ts'
import { RedisServer } from './redis-server.ts'

/** What it answers to one command. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(`${command}\r\nQUIT\r\n`)
  let said = ''
  socket.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(socket, 'close')
  return said.replace('+OK\r\n', '').trim()
}

describeNeeding(RedisServer.findProgram() === undefined ? 'redis-server is not installed' : undefined)(
  'RedisServer',
  () => {
    test('keeps what it has answered through kill() and restart(), beside another one', async () => {
      await using server = await RedisServer.start()
      await using other = await RedisServer.start()
      await ask(server.port, 'SET kept still-here')
      await server.kill()
      await expect(ask(server.port, 'PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      expect(await ask(other.port, 'GET kept')).toContain('$-1')
      await server.restart()
      expect(await ask(server.port, 'GET kept')).toContain('still-here')
      await server.shutDown()
      await server.restart()
      expect(await ask(server.port, 'GET kept')).toContain('still-here')
    })

    test('start() says why a port cannot be taken', async () => {
      await using server = await RedisServer.start()
      await expect(RedisServer.start({ port: server.port })).rejects.toThrow(/Address already in use/)
    })
  },
)
