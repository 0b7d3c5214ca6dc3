import { WaybillError } from '../../message/errors.ts'

/** Where a broker is. `text` is for people: it has neither user nor password. */
export interface BrokerAddress {
  readonly text: string
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
}

/**
 * Says where the broker is now: asked at connect, and before each try to take a lost link up again. The addresses are those
 * of one broker or cluster, and are tried in turn. A rejection counts as a failed try; at connect it is the reason given.
 *
 * @param signal aborted when the answer is no longer wanted
 */
export type BrokerAddresses = (signal: AbortSignal) => Promise<readonly BrokerAddress[]>

/**
 * Reads `amqp[s]://[user[:password]@]host[:port][/vhost]`, each part percent-encoded. No vhost is `/`.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL; its text never holds a password
 * @see https://www.rabbitmq.com/docs/uri-spec
 */
export function parseBrokerAddress(url: string): BrokerAddress {
  let parts: URL
  try {
    parts = new URL(url)
  } catch {
    // The native error quotes its input, password included, so it is no cause to show.
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} is not a URL`)
  }
  const protocol = parts.protocol.slice(0, -1)
  if (protocol !== 'amqp' && protocol !== 'amqps')
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} begins with ${protocol}:, not amqp: or amqps:`)
  if (parts.hostname === '') throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} names no host`)
  if (parts.search !== '' || parts.hash !== '')
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has parameters; pass them as options of rabbitmq()`)
  const path = parts.pathname.slice(1)
  // An @ here comes from a password with a / in it.
  if (/[/@]/.test(path))
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has a / or @ in its virtual host: write %2F or %40`)
  const hostname = parts.hostname.replace(/^\[|\]$/g, '')
  const port = parts.port === '' ? (protocol === 'amqp' ? 5672 : 5671) : Number(parts.port)
  const anonymous = parts.username === '' && parts.password === ''
  try {
    return {
      text: `${protocol}://${parts.hostname}:${port}/${path}`,
      protocol,
      hostname,
      port,
      username: anonymous ? 'guest' : decodeURIComponent(parts.username),
      password: anonymous ? 'guest' : decodeURIComponent(parts.password),
      vhost: path === '' ? '/' : decodeURIComponent(path),
    }
  } catch {
    // As above: the native error may quote the password.
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has a % that begins no percent-encoding`)
  }
}

/** Everything up to the last @ may be a password. */
function redacted(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*$/s, '?…')
}
