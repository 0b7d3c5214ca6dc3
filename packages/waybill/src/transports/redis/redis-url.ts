import { readFileSync } from 'node:fs'
import { asText } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { RedisOptions } from './redis-options.ts'

/** What may stand behind the `?` of an address: each sets one option; what is a file's content is named by the file. */
const PARAMETERS: Readonly<Record<string, (value: string) => Partial<RedisOptions>>> = {
  prefix: (prefix) => ({ prefix }),
  ca: (file) => ({ tls: { ca: contentOf(file) } }),
  lease: (lease) => ({ lease: lease as Duration }),
  history: (history) => ({ history: history as Duration }),
  maxLength: (count) => ({ maxLength: Number(count) }),
}

/**
 * The options of `redis://host:6379,host2[?ca=<file>&prefix=…]`.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL
 */
export function redisOptionsIn(address: string): RedisOptions {
  const [url = '', query] = address.split('?', 2)
  let options: RedisOptions = { url }
  for (const [name, value] of new URLSearchParams(query)) {
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
