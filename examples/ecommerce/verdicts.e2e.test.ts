// What the shop promises is committed: a change of options, of contracts or of the engine's facts shows up here.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const shop = fileURLToPath(new URL('.', import.meta.url))

test('the shop promises what verdicts.json says', async () => {
  const changes = await new Promise<string>((resolve) => {
    execFile('npm', ['run', '--silent', 'explain', '--', '--check', 'verdicts.json'], { cwd: shop }, (_, out, err) =>
      resolve(out + err),
    )
  })
  // On purpose? Then: npm run --silent explain -w waybill-example-ecommerce -- --json > examples/ecommerce/verdicts.json
  expect(changes).toBe('')
})
