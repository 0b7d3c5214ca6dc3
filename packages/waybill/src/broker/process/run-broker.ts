// A broker as a process: it opens the folder, serves, and says so; in the end it undoes that in the opposite order.
//
//   lock the folder -> read the log -> listen -> announce
//   stop listening, close connections (320) -> take back the announcement -> close the log -> unlock the folder
import { randomBytes } from 'node:crypto'
import { PACKAGE_VERSION } from '../../message/package-version.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { ManagementDoor } from '../management/management.ts'
import type { Address, ListenOptions } from '../server/listen.ts'
import { nodeFiles } from '../store/node-files.ts'
import { storeUnwritable } from '../store/store-damage.ts'
import { PROTOCOL, type Announcement } from './announcement.ts'
import { removeAnnouncement, writeAnnouncement } from './announcement-file.ts'
import { BrokerApp, type AppDoor } from './broker-app.ts'
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
  const { dir, runtime, log, lockWaitMs, door } = options
  const files = await nodeFiles(dir)
  const marker = new OpeningMarker(dir, runtime)
  const inFolder = { user: USER, password: randomBytes(32).toString('base64url') }
  try {
    const lock = await patientLock(() => files.lock(), lockWaitMs, runtime)
    try {
      // Whoever is announced here is no more.
      removeAnnouncement(dir)
      marker.begin()
      const app = await BrokerApp.start({
        // The lock is the process's, not the broker's, which may be stopped and started.
        files: { ...files, lock: () => Promise.resolve({ release: () => {} }) },
        runtime,
        log,
        doors: [
          ...(door === undefined ? [] : [{ ...door, authenticate: doorLoginOf(door) }]),
          { host: LOOPBACK, port: 0, authenticate: () => folderLogin(inFolder) },
        ],
      })
      const api = new ProcessManagement({ runtime, app, log })
      try {
        const managementFront = await openFront(api, app, options)
        const announcement = announce(dir, runtime.newId(), app.ports.at(-1) ?? 0, inFolder.password)
        const folderManagement = {
          host: LOOPBACK,
          port: 0,
          login: folderManagementLogin(() => app.broker.access, inFolder),
        }
        const front = door && app.ports[0]
        return new RunningBroker({ ...options, app, lock, announcement, front, api, managementFront, folderManagement })
      } catch (error) {
        await api.close()
        await app.stop('the broker cannot start')
        throw error
      }
    } catch (error) {
      lock.release()
      throw error
    }
  } catch (error) {
    throw isOfTheDisk(error) ? storeUnwritable(dir, error) : error
  } finally {
    marker.end()
  }
}

function doorLoginOf({ own }: Door): AppDoor['authenticate'] {
  return (broker) => doorLogin(broker.access, own)
}

/** The port; `undefined` when nobody wants one. */
async function openFront(
  api: ProcessManagement,
  app: BrokerApp,
  { door, management }: RunBrokerOptions,
): Promise<number | undefined> {
  if (door === undefined || management === undefined) return undefined
  const login = managementLogin((asking) => doorLogin(app.broker.access, door.own)(asking))
  return (await api.serve({ ...management, ...tlsOf(door), login })).port
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
