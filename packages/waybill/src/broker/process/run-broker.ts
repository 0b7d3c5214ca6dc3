// A broker as a process: it opens the folder, serves, and says so; in the end it undoes that in the opposite order.
//
//   lock the folder -> read the log -> listen -> announce
//   stop listening, close connections (320) -> take back the announcement -> close the log -> unlock the folder
import { randomBytes } from 'node:crypto'
import { PACKAGE_VERSION } from '../../message/package-version.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker } from '../broker.ts'
import { openBrokerOn } from '../open-broker.ts'
import type { ManagementDoor } from '../management/management.ts'
import type { Address, ListenOptions } from '../server/listen.ts'
import { serveBroker, type BrokerServer, type ServeOptions } from '../server/serve-broker.ts'
import { nodeFiles } from '../store/node-files.ts'
import { storeUnwritable } from '../store/store-damage.ts'
import { PROTOCOL, type Announcement } from './announcement.ts'
import { removeAnnouncement, writeAnnouncement } from './announcement-file.ts'
import type { Credentials } from './credentials.ts'
import { doorLogin, folderLogin, folderManagementLogin, managementLogin } from './logins.ts'
import { OpeningMarker } from './opening-marker.ts'
import { patientLock } from './patient-lock.ts'
import type { ProcessLog } from './process-log.ts'
import { ProcessManagement } from './process-management.ts'
import { RunningBroker } from './running-broker.ts'

export interface RunBrokerOptions {
  /** Absolute. */
  readonly dir: string
  readonly runtime: Runtime
  readonly log: ProcessLog
  /** How long to wait for the folder: the broker before may be closing. */
  readonly lockWaitMs: number
  /** End when nobody has been connected for so long. Never, when absent. */
  readonly idleMs?: number
  /** Where ordinary clients come in, besides the loopback door for the services of this folder. */
  readonly door?: Door
  /** Where the management API is asked by those who may come in there. */
  readonly management?: Address
}

/** Where ordinary clients come in: users of the folder. */
export interface Door extends ListenOptions {
  /** A user besides, whom this process knows and the folder does not. `guest` is not let in then. */
  readonly own?: Credentials
}

/** The name that the services of the folder log in with; what opens is the secret. */
const USER = 'waybill'
const LOOPBACK = '127.0.0.1'

/**
 * Opens the broker of a folder, serves it, and announces it in the folder.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE`, `WAYBILL_STORE_DAMAGED`, `WAYBILL_STORE_VERSION`,
 *   `WAYBILL_STORE_UNWRITABLE`, `WAYBILL_ADDRESS_IN_USE`
 */
export async function runBroker(options: RunBrokerOptions): Promise<RunningBroker> {
  const { dir, runtime, lockWaitMs, door } = options
  const files = await nodeFiles(dir)
  const marker = new OpeningMarker(dir, runtime)
  const lock = async (): ReturnType<typeof files.lock> => {
    const taken = await patientLock(() => files.lock(), lockWaitMs, runtime)
    // Whoever is announced here is no more.
    removeAnnouncement(dir)
    marker.begin()
    return taken
  }
  try {
    const broker = await openBrokerOn({ files: { ...files, lock }, runtime })
    const servers: BrokerServer[] = []
    const api = new ProcessManagement({ ...options, broker, servers })
    try {
      const serve = async (at: ListenOptions & Pick<ServeOptions, 'authenticate'>): Promise<BrokerServer> => {
        const server = await serveBroker({ ...at, broker, runtime, version: PACKAGE_VERSION })
        servers.push(server)
        return server
      }
      // First the one whose port may be taken.
      const front = door && (await serve({ ...door, authenticate: doorLogin(broker.access, door.own) }))
      const managementFront =
        door === undefined || options.management === undefined
          ? undefined
          : await api.serve({
              ...options.management,
              ...tlsOf(door),
              login: managementLogin(doorLogin(broker.access, door.own)),
            })
      const secret = randomBytes(32).toString('base64url')
      const inFolder = { user: USER, password: secret }
      const { port } = await serve({ host: LOOPBACK, port: 0, authenticate: folderLogin(inFolder) })
      const announcement = announce(dir, runtime.newId(), port, secret)
      const folderManagement = { host: LOOPBACK, port: 0, login: folderManagementLogin(broker.access, inFolder) }
      return new RunningBroker({
        ...options,
        broker,
        servers,
        announcement,
        front,
        api,
        managementFront,
        folderManagement,
      })
    } catch (error) {
      await api.close()
      await close(broker, servers)
      throw error
    }
  } catch (error) {
    throw isOfTheDisk(error) ? storeUnwritable(dir, error) : error
  } finally {
    marker.end()
  }
}

/** With the certificate that clients see; which one they show is for the broker alone. */
function tlsOf({ tls }: Door): Pick<ManagementDoor, 'tls'> {
  return tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }
}

function announce(dir: string, instance: string, port: number, secret: string): Announcement {
  const announcement: Announcement = {
    protocol: PROTOCOL,
    version: PACKAGE_VERSION,
    instance,
    pid: process.pid,
    host: LOOPBACK,
    port,
    user: USER,
    secret,
  }
  writeAnnouncement(dir, announcement)
  return announcement
}

/** A full or unwritable disk; not what keeps a server from listening. */
function isOfTheDisk(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall !== 'listen' && error.syscall !== 'getaddrinfo'
}

async function close(broker: Broker, servers: readonly BrokerServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close(0, 'the broker cannot start')))
  await broker.close()
}
