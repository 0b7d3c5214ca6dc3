// The corpus is what `npm run fuzz -- --learn` has learned: conversations that each bring the server to something that the
// others do not. Beside it are those that once found a mistake, which no learning replaces.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unpackConversation } from './conversation.test-support.ts'
import { play } from './play.test-support.ts'

/** Together these are one test, so that the report stays short. */
const PARTS = 8

const corpus = linesOf('corpus.txt')

for (let part = 0; part < PARTS; part++) {
  test(`hostile conversations cost nothing but their connections, ${part + 1} of ${PARTS}`, async () => {
    const own = corpus.filter((_line, n) => n % PARTS === part)
    expect(own.length).toBeGreaterThan(10)
    await playAll(own)
  })
}

test('conversations that found a mistake find it no more', async () => {
  const found = linesOf('found.txt')
  expect(found.length).toBeGreaterThan(0)
  await playAll(found)
})

async function playAll(lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { violations } = await play(unpackConversation(line))
    expect(violations, `npm run fuzz -- --play with this line: ${line}`).toEqual([])
  }
}

function linesOf(file: string): readonly string[] {
  return readFileSync(join(import.meta.dirname, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}
