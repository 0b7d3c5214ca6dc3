import { readFileSync } from 'node:fs'
import { asText } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { PostgresOptions } from './postgres-options.ts'

/** What may stand behind the `?` of an address: each sets one option; that which names a secret names the file that has it. */
const PARAMETERS: Readonly<Record<string, (value: string) => Partial<PostgresOptions>>> = {
  schema: (schema) => ({ schema }),
  ca: (file) => ({ tls: { ca: contentOf(file) } }),
  tls: (value) => (value === 'true' ? { tls: true } : {}),
  migrate: (value) => ({ migrate: value !== 'false' }),
  lease: (lease) => ({ lease: lease as Duration }),
  pollInterval: (pollInterval) => ({ pollInterval: pollInterval as Duration }),
}

/**
 * The options of `postgres://user:password@host:5432,host2/database[?schema=…&ca=<file>&…]`.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL
 */
export function postgresOptionsIn(text: string): PostgresOptions {
  // A password may hold a question mark.
  const at = text.indexOf('?', text.lastIndexOf('@') + 1)
  let options: PostgresOptions = { url: at === -1 ? text : text.slice(0, at) }
  for (const [name, value] of new URLSearchParams(at === -1 ? '' : text.slice(at + 1))) {
    const read = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined
    if (read === undefined) {
      const names = Object.keys(PARAMETERS).join(', ')
      throw new WaybillError('WAYBILL_BAD_URL', `the address has the parameter ${name}; there are ${names}`)
    }
    options = { ...options, ...read(value) }
  }
  return options
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new WaybillError('WAYBILL_BAD_URL', `the address names ${file}, which cannot be read: ${asText(cause)}`, {
      cause,
    })
  }
}
