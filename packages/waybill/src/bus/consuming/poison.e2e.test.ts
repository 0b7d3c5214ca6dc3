// A message that ends every process that handles it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'

const CHILD = fileURLToPath(new URL('poison.child.test-support.ts', import.meta.url))
const MESSAGES = 24
const CULPRIT = 7

interface Life {
  readonly lines: readonly string[]
  readonly signal: NodeJS.Signals | null
}

/** Until it dies of the message, or has put it aside. */
async function live(args: readonly string[]): Promise<Life> {
  const child = spawn(process.execPath, ['--conditions=@waybill/source', CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  let output = ''
  let ended = false
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += String(chunk)
    if (ended || !output.includes('dead ')) continue
    ended = true
    child.kill('SIGTERM')
  }
  return { lines: output.split('\n').filter((line) => line !== ''), signal: await exited }
}

async function livesUntilPutAside(where: string, name: string): Promise<readonly Life[]> {
  await live([where, name, String(MESSAGES)])
  const lives: Life[] = []
  do lives.push(await live([where, name]))
  while (lives.at(-1)?.signal === 'SIGKILL' && lives.length < 30)
  return lives
}

/** What became of all messages in all lives. */
function fateOf(lives: readonly Life[]) {
  const lines = lives.flatMap((life) => life.lines)
  const handled = lines.filter((line) => line.startsWith('handled ')).map((line) => Number(line.slice(8)))
  return {
    deaths: lives.filter(({ signal }) => signal === 'SIGKILL').length,
    handled: [...new Set(handled)].toSorted((a, b) => a - b),
    dead: lines.filter((line) => line.startsWith('dead ')),
  }
}

const EVIDENCE =
  /^dead \{"n":7\} WAYBILL_POISON: .* was delivered 13 times to worker without being settled, since 20\S+Z at the earliest; the last who got it, and put it aside, was worker in process \d+ on \S+$/
const onlyTheCulprit = {
  deaths: 12,
  handled: Array.from({ length: MESSAGES }, (_, n) => n).filter((n) => n !== CULPRIT),
  dead: [expect.stringMatching(EVIDENCE) as string],
}

test(
  'a shared embedded broker: only the message that kills is put aside, with what is known of it',
  { timeout: 120_000 },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'waybill-poison-'))
    try {
      expect(fateOf(await livesUntilPutAside(dir, 'poison'))).toEqual(onlyTheCulprit)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
)

describeRabbitmq('RabbitMQ', () => {
  const name = uniqueName('poison')
  afterAll(() =>
    deleteEntities({ queues: [`${name}.page`, `${name}.page:worker:dead`], exchanges: [`${name}.page:owner`] }),
  )

  test('only the message that kills is put aside, with what is known of it', { timeout: 120_000 }, async () => {
    expect(fateOf(await livesUntilPutAside(RABBITMQ_URL, name))).toEqual(onlyTheCulprit)
  })
})
