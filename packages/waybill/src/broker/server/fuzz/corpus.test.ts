// The corpus is what `npm run fuzz -- --learn` has learned: conversations that each bring the server to something that the
// others do not.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unpackConversation } from './conversation.test-support.ts'
import { play } from './play.test-support.ts'

/** Together these are one test, so that the report stays short. */
const PARTS = 8

const lines = readFileSync(join(import.meta.dirname, 'corpus.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')

for (let part = 0; part < PARTS; part++) {
  test(`hostile conversations cost nothing but their connections, ${part + 1} of ${PARTS}`, async () => {
    const own = lines.filter((_line, n) => n % PARTS === part)
    expect(own.length).toBeGreaterThan(10)
    for (const line of own) {
      const { violations } = await play(unpackConversation(line))
      expect(violations, `npm run fuzz -- --play with this line: ${line}`).toEqual([])
    }
  })
}
