import { readFileSync } from 'node:fs'
import { asText } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { NatsOptions } from './nats-options.ts'

/** What may stand behind the `?` of an address: each sets one option; those that name a secret name the file that has it. */
const PARAMETERS: Readonly<Record<string, (value: string) => Partial<NatsOptions>>> = {
  prefix: (prefix) => ({ prefix }),
  creds: (file) => ({ credentials: contentOf(file) }),
  nkey: (file) => ({ nkeySeed: contentOf(file).trim() }),
  ca: (file) => ({ tls: { ca: contentOf(file) } }),
  replicas: (count) => ({ replicas: Number(count) }),
  ackWait: (ackWait) => ({ ackWait: ackWait as Duration }),
  lease: (lease) => ({ lease: lease as Duration }),
  history: (history) => ({ history: history as Duration }),
  sync: (syncInterval) => ({ syncInterval: syncInterval as Duration }),
}

/**
 * The options of `nats://host:4222,host2[?creds=<file>&ca=<file>&prefix=…]`.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL
 */
export function natsOptionsIn(url: string): NatsOptions {
  const [servers = '', query] = url.split('?', 2)
  let options: NatsOptions = { servers }
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
