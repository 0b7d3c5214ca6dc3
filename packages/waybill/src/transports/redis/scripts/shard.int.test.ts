// What a former owner of a shard still says, at the server itself: a link that stalls lets it arrive at any time.
import { expect, test } from 'vitest'
import { describeOwnRedis } from '../../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../../testing/servers/redis-server.ts'
import { asked } from '../redis.test-support.ts'
import { SCRIPTS, type ScriptName } from './scripts.ts'

const BASE = 'waybill:{orders}'

describeOwnRedis('the scripts of shards', () => {
  test('take nothing from who was the owner before: no settlement, no lane, no fetch, no release', async () => {
    await using server = await RedisServer.start()
    const run = async (script: ScriptName, ...args: readonly string[]): Promise<readonly unknown[]> =>
      (await asked(server.url, 'EVAL', SCRIPTS[script].source, '1', BASE, ...args)) as readonly unknown[]
    const ask = (...args: readonly string[]): Promise<unknown> => asked(server.url, ...args)

    expect(await run('declareGroup', 'g', '1', '', '0', 'ordered', '*', '$')).toEqual(['OK'])
    await run('join', 'g', 'one', '60000')
    await run('join', 'g', 'two', '60000')
    const [, former] = await run('takeShard', 'g', '0', 'one')
    expect(await run('takeShard', 'g', '0', 'two')).toEqual(['HELD', 'one'])
    await run('publish', 'event', '1', '100', '0', '0', '', '0', '0', '{}', 'a', '0', '0', '{}', 'b')
    const fetched = await run('fetchShards', 'g', '0', String(former), '1')
    const [[id]] = fetched[2] as readonly (readonly [string])[] as [[string]]

    await run('leave', 'g', 'one')
    const [outcome, token, unsettled] = await run('takeShard', 'g', '0', 'two')
    expect(outcome).toBe('OK')
    expect(Number(token)).toBeGreaterThan(Number(former))
    // With how often it was handed out, this time included.
    expect(unsettled).toEqual([[id, ['ce', '{}', 'data', 'a'], 2]])

    const late = ['g', '0', String(former), '0']
    for (const said of [['m', id], ['c', '1', '0', '{}', 'a'], ['d', '{}', 'a'], ['l', '1-1']])
      expect(await run('settleShard', ...late, ...said)).toEqual(['FENCED']) // prettier-ignore
    expect((await run('fetchShards', 'g', '0', String(former), '10'))[2]).toBe('FENCED')
    expect(await run('releaseShard', 'g', '0', String(former))).toEqual(['FENCED'])
    const pending = async (): Promise<unknown> => ((await ask('XPENDING', `${BASE}:0`, 'g')) as readonly unknown[])[0]
    expect(await pending()).toBe(1)
    expect(await ask('EXISTS', `${BASE}:g:lane:0`, `${BASE}:g:dead`)).toBe(0)
    expect(await run('settleShard', 'g', '0', String(token), '0', 'm', id)).toEqual(['OK'])
    expect(await pending()).toBe(0)
  })

  test('give a token above all before it, also where the server has lost the last ones', async () => {
    await using server = await RedisServer.start()
    const run = async (script: ScriptName, ...args: readonly string[]): Promise<readonly unknown[]> =>
      (await asked(server.url, 'EVAL', SCRIPTS[script].source, '1', BASE, ...args)) as readonly unknown[]
    await run('declareGroup', 'g', '1', '', '0', 'ordered', '*', '$')
    await run('join', 'g', 'one', '60000')
    const tokens: number[] = []
    for (let n = 0; n < 5; n++) {
      if (n === 3) await asked(server.url, 'DEL', `${BASE}:g:owners`)
      tokens.push(Number((await run('takeShard', 'g', '0', 'one'))[1]))
    }
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b))
  })
})
