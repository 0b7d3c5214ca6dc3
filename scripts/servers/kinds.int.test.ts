import { describe, expect, test } from 'vitest'
import { describeNeeding } from '../../packages/waybill/src/testing/needing.test-support.ts'
import { SERVER_KINDS } from './kinds.ts'

// Each waits for its program more than for the machine.
describe.concurrent('the servers of npm run servers', () => {
  for (const kind of SERVER_KINDS) {
    const missing = kind.missing()
    describeNeeding(missing === undefined ? undefined : `${missing} not installed`)(kind.name, () => {
      test('starts on 127.0.0.1, is known by its answer, and taken for no other', { timeout: 240_000 }, async () => {
        const server = await kind.start(undefined)
        try {
          const { hostname, protocol, port } = new URL(server.url)
          expect([hostname, protocol]).toEqual(['127.0.0.1', new URL(kind.standardUrl).protocol])
          expect(await kind.version(server.url)).toMatch(kind.name === 'kafka' ? /^$/ : /^\d+\.\d+/)
          const taken = SERVER_KINDS.map(async (other) => {
            const url = new URL(other.standardUrl)
            url.port = port
            const isTaken = await other.version(url.href).then(
              () => true,
              () => false,
            )
            return isTaken ? other.name : ''
          })
          expect((await Promise.all(taken)).filter((name) => name !== '')).toEqual([kind.name])
        } finally {
          await server.stop()
        }
        const after = await kind.version(server.url).catch(() => 'gone')
        expect(after).toBe('gone')
      })
    })
  }
})
