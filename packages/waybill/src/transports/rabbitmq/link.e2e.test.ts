import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import { BROKER_URL } from './broker.test-support.ts'

skipUnlessThere(NO_RABBITMQ)

const CHILD = fileURLToPath(new URL('link-chaos.child.test-support.ts', import.meta.url))
/** Each takes about a tenth of a second. */
const ROUNDS = 60

test(
  'a process whose links were cut, stalled and closed at any moment ends by itself',
  { timeout: 60_000 },
  async () => {
    const child = spawn(process.execPath, ['--conditions=@waybill/source', CHILD, BROKER_URL, String(ROUNDS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    try {
      let output = ''
      for await (const chunk of child.stdout.setEncoding('utf8')) output += String(chunk)
      expect({ output, code: await exited }).toEqual({ output: 'closed\n', code: 0 })
    } finally {
      child.kill('SIGKILL')
    }
  },
)
