import { WaybillError } from '../../message/errors.ts'

/** Where a server is. `text` is for people: it has neither user nor password. */
export interface PostgresAddress {
  readonly text: string
  readonly hostname: string
  readonly port: number
  readonly database: string
  readonly user: string | undefined
  readonly password: string | undefined
}

const DEFAULT_PORT = 5_432
const GRAMMAR = /^postgres(?:ql)?:\/\/(?:(?<credentials>.*)@)?(?<hosts>[^@/?#]+)(?:\/(?<database>[^/?#]*))?$/s
const HOST = /^(?<hostname>\[[0-9a-f:.]+\]|[^:[\]\s]+)(?::(?<port>\d{1,5}))?$/i
const CURE = 'Write postgres://user:password@host:5432/database; several hosts are separated by commas.'

/**
 * Reads `postgres://[user[:password]@]host[:port][,host2[:port]]/database`. The default database has the user's name.
 *
 * @throws {WaybillError} WAYBILL_BAD_URL; its text never holds a password
 */
export function parsePostgresUrl(url: string): readonly PostgresAddress[] {
  const groups = GRAMMAR.exec(url.trim())?.groups
  if (groups === undefined)
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} is no postgres:// address`, { cure: CURE })
  const [user, password] = credentialsIn(groups['credentials'], url)
  const database = decoded(groups['database'] ?? '', url) || (user ?? 'postgres')
  return (groups['hosts'] ?? '').split(',').map((each) => {
    const { hostname, port } = HOST.exec(each.trim())?.groups ?? {}
    const number = port === undefined ? DEFAULT_PORT : Number(port)
    if (hostname === undefined || number < 1 || number > 65_535)
      throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has no host and port in ${each}`, { cure: CURE })
    const bare = hostname.replace(/^\[(.*)\]$/, '$1')
    return {
      text: `postgres://${hostname}:${number}/${database}`,
      hostname: bare,
      port: number,
      database,
      user,
      password,
    }
  })
}

function credentialsIn(text: string | undefined, url: string): readonly [user?: string, password?: string] {
  if (text === undefined || text === '') return []
  const colon = text.indexOf(':')
  if (colon === -1) return [decoded(text, url)]
  return [decoded(text.slice(0, colon), url), decoded(text.slice(colon + 1), url)]
}

function decoded(text: string, url: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // The native error quotes its input, password included, so it is no cause to show.
    throw new WaybillError('WAYBILL_BAD_URL', `${redacted(url)} has a % that begins no percent-encoding`, {
      cure: CURE,
    })
  }
}

/** Everything up to the last @ may be a password. */
function redacted(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*$/s, '?…')
}
