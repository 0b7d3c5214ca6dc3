import { readAnnouncement } from '../../broker/process/announcement-file.ts'
import type { Announcement } from '../../broker/process/announcement.ts'
import { requestManagement } from '../../broker/process/management-request.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import type { ManagementAddress } from './management-client.ts'

/** The broker looks every quarter of a second, and has to load the API. */
const OPENING_MS = 5_000
const POLL_MS = 20

/**
 * Where the broker of a folder answers; it opens its management API for it.
 *
 * @throws {CtlError} when no broker runs there
 */
export async function findManagement(dir: string, runtime: Runtime): Promise<ManagementAddress> {
  const announcement = announced(dir)
  const { managementPort } = announcement
  return addressOf(announcement, managementPort ?? (await openedPort(dir, runtime)))
}

async function openedPort(dir: string, runtime: Runtime): Promise<number> {
  requestManagement(dir)
  const until = runtime.monotonic() + OPENING_MS
  // Nothing else keeps the process running meanwhile.
  const release = runtime.keepAlive()
  try {
    for (;;) {
      const { managementPort, pid } = announced(dir)
      if (managementPort !== undefined) return managementPort
      if (runtime.monotonic() > until) {
        throw new CtlError(EXIT.unavailable, `the broker of ${dir}, process ${pid}, does not open its management API`)
      }
      await new Promise<void>((resolve) => void runtime.setTimer(POLL_MS, resolve))
    }
  } finally {
    release()
  }
}

function addressOf({ host, user, secret }: Announcement, port: number): ManagementAddress {
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, user, password: secret }
}

/** The address in a URL, with its user and password; guest/guest without. */
export function managementAt(text: string): ManagementAddress {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CtlError(EXIT.usage, `--management-url ${text} is no http:// or https:// address`)
  }
  const { protocol, host, username, password } = url
  return {
    url: `${protocol}//${host}`,
    user: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
  }
}

function announced(dir: string): Announcement {
  const reading = readAnnouncement(dir)
  if (reading.state === 'announced') return reading.announcement
  throw new CtlError(
    EXIT.unavailable,
    `no broker runs on ${dir}; name a folder with --data, or an address with --management-url`,
  )
}
