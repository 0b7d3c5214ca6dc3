import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const DRIVER = fileURLToPath(new URL('demo/driver.ts', import.meta.url))
/** Found or started by the set-up of the test run. */
const RABBITMQ_URL = process.env['WAYBILL_TEST_RABBITMQ_URL']

async function demo(env: NodeJS.ProcessEnv): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['--conditions=@waybill/source', DRIVER], {
    env: { ...process.env, DEMO_SECONDS: '6', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) output += String(chunk)
  return { output, code: child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve))) }
}

for (const [name, env] of [
  ['the embedded broker, killed with a service', { WAYBILL_URL: undefined }],
  ['RabbitMQ, one service killed', { WAYBILL_URL: RABBITMQ_URL }],
] as const) {
  const isMissing = name.startsWith('RabbitMQ') && RABBITMQ_URL === undefined
  test(
    `demo on ${name}: every confirmed order is accounted for`,
    { timeout: 90_000, skip: isMissing, meta: isMissing ? { missing: 'no RabbitMQ: npm run servers -- up' } : {} },
    async () => {
      const { output, code } = await demo(env)
      expect(output).toContain('kill -9')
      expect(output).toMatch(/^lost: 0$/m)
      expect(output).toMatch(/dead letter in payments:shipping: no carrier takes an anvil +\d/)
      expect(code).toBe(0)
    },
  )
}
