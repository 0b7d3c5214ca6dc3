import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker } from '../broker.ts'
import type { ManagementDoor } from '../management/management.ts'
import type { ManagementServer } from '../management/management-server.ts'
import type { BrokerServer } from '../server/serve-broker.ts'
import type { Announcement } from './announcement.ts'
import { removeAnnouncement, writeAnnouncement } from './announcement-file.ts'
import { FolderWatch } from './folder-watch.ts'
import { IdleWatch } from './idle-watch.ts'
import { ManagementRequestWatch } from './management-request.ts'
import type { ProcessLog } from './process-log.ts'
import type { ProcessManagement } from './process-management.ts'

/** Why a broker ended. */
export type BrokerEnd =
  | { readonly reason: 'asked' | 'idle' | 'folder-gone' }
  /** The disk failed: nothing is confirmed any more. */
  | { readonly reason: 'failed'; readonly error: Error }

export interface RunningParts {
  readonly dir: string
  readonly runtime: Runtime
  readonly log: ProcessLog
  readonly idleMs?: number
  readonly broker: Broker
  /** All of them. */
  readonly servers: readonly BrokerServer[]
  /** The one of them that ordinary clients use. */
  readonly front: BrokerServer | undefined
  readonly announcement: Announcement
  readonly api: ProcessManagement
  /** Where the management API is asked by ordinary clients. */
  readonly managementFront: ManagementServer | undefined
  /** Where it is asked by those who can read the folder. */
  readonly folderManagement: ManagementDoor
}

/** What connections may take to say goodbye at the end. */
const GOODBYE_MS = 2_000

/** A broker that serves, until it is asked to end, nobody uses it, its folder is gone, or its disk has failed. */
export class RunningBroker {
  readonly #parts: RunningParts
  readonly #idle: IdleWatch | undefined
  readonly #folder: FolderWatch
  readonly #requests: ManagementRequestWatch
  readonly #unsubscribe: () => void
  #end: BrokerEnd | undefined
  #resolve: (end: BrokerEnd) => void = () => {}
  /** Resolves once everything is closed. */
  readonly ended: Promise<BrokerEnd>

  constructor(parts: RunningParts) {
    this.#parts = parts
    const { dir, runtime, idleMs, broker, servers } = parts
    parts.log(`begin ${parts.announcement.instance} on port ${parts.announcement.port}`)
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
    this.#folder = new FolderWatch(dir, runtime, () => this.#close({ reason: 'folder-gone' }))
    this.#requests = new ManagementRequestWatch(dir, runtime, () => void this.#openManagement())
    this.#unsubscribe = broker.onEvent((event) => {
      if (event.type === 'failed') this.#close({ reason: 'failed', error: event.error })
    })
    if (idleMs === undefined) return
    const idle = new IdleWatch(runtime, idleMs, () => this.#close({ reason: 'idle' }))
    this.#idle = idle
    const count = (): void => idle.inUse(servers.reduce((sum, { connections }) => sum + connections, 0))
    for (const server of servers) server.onConnections(count)
  }

  get announcement(): Announcement {
    return this.#parts.announcement
  }

  /** Where ordinary clients come in. */
  get front(): BrokerServer | undefined {
    return this.#parts.front
  }

  /** Where the management API is asked by ordinary clients. */
  get managementFront(): ManagementServer | undefined {
    return this.#parts.managementFront
  }

  /** Ends it, once; resolves when everything is closed. */
  async end(): Promise<BrokerEnd> {
    this.#close({ reason: 'asked' })
    return this.ended
  }

  #close(end: BrokerEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#idle?.stop()
    this.#folder.stop()
    this.#requests.stop()
    this.#unsubscribe()
    void this.#closeAll(end).then(
      () => this.#ended(end),
      (error: unknown) => this.#ended({ reason: 'failed', error: asError(error) }),
    )
  }

  async #openManagement(): Promise<void> {
    const { api, folderManagement, dir, announcement, log } = this.#parts
    try {
      const { port } = await api.serve(folderManagement)
      if (this.#end === undefined) writeAnnouncement(dir, { ...announcement, managementPort: port })
    } catch (error) {
      log(`management: ${asError(error).message}`)
    }
  }

  #ended(end: BrokerEnd): void {
    const { announcement, log } = this.#parts
    log(`end ${announcement.instance}: ${end.reason === 'failed' ? end.error.message : end.reason}`)
    this.#resolve(end)
  }

  async #closeAll({ reason }: BrokerEnd): Promise<void> {
    const { servers, dir, broker, api } = this.#parts
    await api.close()
    await Promise.all(servers.map((server) => server.close(GOODBYE_MS, SAID[reason])))
    if (reason !== 'folder-gone') removeAnnouncement(dir)
    await broker.close()
  }
}

/** To clients, as the reason why their connections are closed. */
const SAID: Readonly<Record<BrokerEnd['reason'], string>> = {
  asked: 'the broker is ending',
  idle: 'the broker is ending',
  'folder-gone': `the broker's folder was removed`,
  failed: `the broker's disk has failed`,
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
