import { WaybillError } from '../../message/errors.ts'
import type { KafkaLinkOptions, KafkaOptions, KafkaSaslOptions } from './kafka-options.ts'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

const DEFAULT_PORT = 9092
const MECHANISMS: Readonly<Record<string, KafkaSaslOptions['mechanism']>> = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
}

export interface ClusterSettings {
  readonly addresses: readonly BrokerAddress[]
  readonly options: KafkaLinkOptions
  /** Where a broker that advertises itself so is reached from here; as it says, unless something stands between. */
  readonly reach?: (advertised: BrokerAddress) => BrokerAddress
}

/** @throws {WaybillError} WAYBILL_BAD_URL; its text never holds a password */
export function clusterSettings(options: KafkaOptions): ClusterSettings {
  if (options.url !== undefined) return fromUrl(options.url, options)
  if (options.brokers === undefined || options.brokers.length === 0) throw bad('kafka() needs url or brokers')
  return { addresses: options.brokers.map(parseAddress), options }
}

/** `kafka://[user[:password]@]host[:port][,host[:port]…][?tls=true&sasl=<mechanism>]`, user and password percent-encoded. */
function fromUrl(url: string, options: KafkaOptions): ClusterSettings {
  const parts = /^kafka:\/\/(?:(?<user>[^@/]*)@)?(?<hosts>[^/?#@]+)\/?(?:\?(?<query>[^#]*))?$/i.exec(url.trim())?.groups
  if (parts === undefined)
    throw bad(`${redacted(url)} is not kafka://host:port,host:port (percent-encode user and password)`)
  const { user, hosts = '', query = '' } = parts
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys())
    if (name !== 'tls' && name !== 'sasl') throw bad(`${redacted(url)} has a parameter ${name}; there are tls and sasl`)
  const tls = parameters.get('tls')
  if (tls !== null && tls !== 'true' && tls !== 'false') throw bad(`${redacted(url)}: tls is true or false`)
  const sasl = user === undefined ? options.sasl : login(user, parameters.get('sasl') ?? 'plain', url)
  return {
    addresses: hosts.split(',').map(parseAddress),
    options: {
      ...options,
      ...(tls === null ? {} : { tls: tls === 'true' && (options.tls ?? true) }),
      ...(sasl === undefined ? {} : { sasl }),
    },
  }
}

function login(user: string, mechanismName: string, url: string): KafkaSaslOptions {
  const mechanism = MECHANISMS[mechanismName.toLowerCase()]
  if (mechanism === undefined) throw bad(`${redacted(url)}: sasl is one of ${Object.keys(MECHANISMS).join(', ')}`)
  const [username = '', ...rest] = user.split(':')
  try {
    return { mechanism, username: decodeURIComponent(username), password: decodeURIComponent(rest.join(':')) }
  } catch {
    // The native error may quote the password.
    throw bad(`${redacted(url)} has a % that begins no percent-encoding`)
  }
}

function parseAddress(text: string): BrokerAddress {
  const parts = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]]+))(?::(?<port>\d+))?$/.exec(text.trim())?.groups
  const host = parts?.['v6'] ?? parts?.['host']
  const port = parts?.['port'] === undefined ? DEFAULT_PORT : Number(parts['port'])
  if (host === undefined || port < 1 || port > 65_535) throw bad(`${redacted(text)} is not host:port`)
  return { host, port }
}

export function shown({ host, port }: BrokerAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Everything up to the last @ may be a password. */
function redacted(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@')
}

function bad(what: string): WaybillError {
  return new WaybillError('WAYBILL_BAD_URL', what)
}
