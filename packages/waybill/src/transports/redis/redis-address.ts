import { WaybillError } from '../../message/errors.ts'

/** Where a server is. `text` is for people: it has neither user nor password. */
export interface RedisAddress {
  readonly text: string
  readonly hostname: string
  readonly port: number
  readonly tls: boolean
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
}

/**
 * Reads `redis://[user:password@]host[:port][/database]` or `rediss://…`; several, separated by commas, where those behind the
 * first may be hosts alone.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL; its text never holds a password
 */
export function parseRedisAddresses(url: string | readonly string[]): readonly RedisAddress[] {
  const urls = typeof url === 'string' ? splitUrls(url) : url
  if (urls.length === 0) throw new WaybillError('WAYBILL_BAD_URL', 'redis() needs a url')
  return urls.map(parseOne)
}

function splitUrls(urls: string): readonly string[] {
  const scheme = /^rediss?:\/\//.exec(urls)?.[0] ?? 'redis://'
  return urls
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => (each.includes('://') ? each : scheme + each))
}

function parseOne(url: string): RedisAddress {
  const scheme = /^(rediss?):\/\//.exec(url)?.[1]
  if (scheme === undefined) throw bad(`${redacted(url)} begins neither with redis:// nor with rediss://`)
  const parts = URL.parse(url)
  // The native error would quote its input, password included.
  if (parts === null || parts.hostname === '') throw bad(`${redacted(url)} is not a URL`)
  if (parts.search !== '' || parts.hash !== '')
    throw bad(`${redacted(url)} has parameters; pass them as options of redis()`)
  const database = /^\/?(\d*)$/.exec(parts.pathname)?.[1]
  if (database === undefined) throw bad(`${redacted(url)} has a path that is no number of a database`)
  const hostname = parts.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = parts.port === '' ? 6379 : Number(parts.port)
  return {
    text: `${scheme}://${parts.hostname}:${port}${database === '' ? '' : `/${database}`}`,
    hostname,
    port,
    tls: scheme === 'rediss',
    user: decoded(parts.username, url),
    password: decoded(parts.password, url),
    database: Number(database),
  }
}

function decoded(text: string, url: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text)
  } catch {
    throw bad(`${redacted(url)} has a % that begins no percent-encoding`)
  }
}

function bad(what: string): WaybillError {
  return new WaybillError('WAYBILL_BAD_URL', what, {
    cure: 'Write redis://user:password@host:6379, or rediss://… for TLS; several are separated by commas.',
  })
}

/** Everything up to the last @ may be a password. */
function redacted(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*$/s, '?…')
}
