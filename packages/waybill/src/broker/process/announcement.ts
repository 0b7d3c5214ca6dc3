// What a broker process says of itself in the file broker.json of its folder, for the services that look for it.

/** Raised when an old service could not talk to a new broker, or the other way round. */
export const PROTOCOL = 1

export interface Announcement {
  readonly protocol: typeof PROTOCOL
  /** Of the package that the process runs. */
  readonly version: string
  /** New for every life of a broker. */
  readonly instance: string
  readonly pid: number
  /** A loopback address: what follows never leaves the machine. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** New for every life: who takes over the port of a dead broker is told a secret that opens nothing. */
  readonly secret: string
  /** Where the management API is asked, with the same user and secret; once somebody has requested it. */
  readonly managementPort?: number
}

export type AnnouncementReading =
  | { readonly state: 'absent' }
  | { readonly state: 'announced'; readonly announcement: Announcement }
  /** Somebody else's file, half of one, or a changed one: nothing in it is believed. */
  | { readonly state: 'unreadable'; readonly why: string }
  /** Well formed, of a version that talks otherwise. */
  | { readonly state: 'other-protocol'; readonly protocol: number; readonly version: string; readonly pid: number }

/** Longer than any announcement. */
export const MAX_ANNOUNCEMENT_BYTES = 4096

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const VERSION = /^\d{1,6}\.\d{1,6}\.\d{1,6}[\w.+-]{0,64}$/
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/
const NAME = /^[\w.-]{1,64}$/
/** 32 octets in base64url. */
const SECRET = /^[\w-]{43}$/

/** Reads the content of broker.json. Every field is checked; fields that are not known are left alone. */
export function parseAnnouncement(text: string): AnnouncementReading {
  const fields = record(text)
  if (fields === undefined) return { state: 'unreadable', why: 'it is no JSON object' }
  const { protocol, version, instance, pid, host, port, user, secret, managementPort } = fields
  if (!isCount(protocol, 1e6)) return unreadable('protocol')
  if (!matches(version, VERSION)) return unreadable('version')
  if (!isCount(pid, 2 ** 32)) return unreadable('pid')
  if (protocol !== PROTOCOL) return { state: 'other-protocol', protocol, version, pid }
  if (!matches(instance, UUID)) return unreadable('instance')
  if (!matches(host, LOOPBACK)) return unreadable('host')
  if (!isCount(port, 65_535)) return unreadable('port')
  if (!matches(user, NAME)) return unreadable('user')
  if (!matches(secret, SECRET)) return unreadable('secret')
  const announcement: Announcement = { protocol, version, instance, pid, host, port, user, secret }
  if (managementPort === undefined) return { state: 'announced', announcement }
  if (!isCount(managementPort, 65_535)) return unreadable('managementPort')
  return { state: 'announced', announcement: { ...announcement, managementPort } }
}

function record(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined // an array has none of the fields
  } catch {
    return undefined
  }
}

function unreadable(field: string): AnnouncementReading {
  return { state: 'unreadable', why: `its field ${field} is missing or bad` }
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most // integers are numbers
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}
