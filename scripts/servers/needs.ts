import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Tests read from `WAYBILL_TEST_RABBITMQ_URL` where the RabbitMQ is that they may use. */
const READ = /WAYBILL_TEST_([A-Z_]+_URL)/g
const IMPORTED = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g

/** The variables, without `WAYBILL_TEST_`, that files read, or what they import does. */
export function variablesReadBy(files: readonly string[]): ReadonlySet<string> {
  const read = new Set<string>()
  const seen = new Set(files)
  for (const file of seen) {
    if (!existsSync(file)) continue
    const text = readFileSync(file, 'utf8')
    for (const [, variable = ''] of text.matchAll(READ)) read.add(variable)
    for (const [, target = ''] of text.matchAll(IMPORTED)) seen.add(resolve(dirname(file), target))
  }
  return read
}
