import { WaybillError } from '../../message/errors.ts'

/** Where a server is. `text` is for people: it has neither user nor password. */
export interface NatsAddress {
  readonly text: string
  readonly hostname: string
  readonly port: number
  readonly tls: boolean
  readonly user: string | undefined
  /** With a user; alone, it is a token. */
  readonly password: string | undefined
}

/**
 * Reads `nats://[user:password@]host[:port]` or `tls://…`; several, separated by commas, where those behind the first may
 * be hosts alone. A user without a password is a token, as everywhere with NATS.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL; its text never holds a password
 */
export function parseNatsAddresses(servers: string | readonly string[]): readonly NatsAddress[] {
  const urls = typeof servers === 'string' ? splitUrls(servers) : servers
  if (urls.length === 0) throw new WaybillError('WAYBILL_BAD_URL', 'nats() needs servers')
  return urls.map(parseOne)
}

/** A password may hold a comma; an address that follows one has no @ before it but its own. */
function splitUrls(servers: string): readonly string[] {
  const scheme = /^(nats|tls):\/\//.exec(servers)?.[0] ?? 'nats://'
  return servers
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => (each.includes('://') ? each : scheme + each))
}

function parseOne(url: string): NatsAddress {
  let parts: URL
  try {
    // URL reads user, password and port of the schemes that it knows only.
    parts = new URL(url.replace(/^(nats|tls):\/\//, 'ws://'))
  } catch {
    // The native error quotes its input, password included, so it is no cause to show.
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} is not a URL`, { cure: CURE })
  }
  const scheme = /^(nats|tls):\/\//.exec(url)?.[1]
  if (scheme === undefined)
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} begins neither with nats:// nor with tls://`, { cure: CURE }) // prettier-ignore
  if (parts.search !== '' || parts.hash !== '' || parts.pathname.length > 1)
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has a path or parameters; pass them as options of nats()`, { cure: CURE }) // prettier-ignore
  // Its scheme's own default port is not shown by URL.
  const port = parts.port !== '' ? Number(parts.port) : url.endsWith(':80') ? 80 : 4222
  try {
    return {
      text: `${scheme}://${parts.hostname}:${port}`,
      hostname: parts.hostname,
      port,
      tls: scheme === 'tls',
      user: parts.username === '' ? undefined : decodeURIComponent(parts.username),
      password: parts.password === '' ? undefined : decodeURIComponent(parts.password),
    }
  } catch {
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has a % that begins no percent-encoding`, {
      cure: CURE,
    })
  }
}

const CURE = 'Write nats://user:password@host:4222, or tls://…; several are separated by commas.'

/** Everything up to the last @ may be a password. */
function redacted(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*$/s, '?…')
}
