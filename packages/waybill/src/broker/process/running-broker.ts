import type { Runtime } from '../../runtime/runtime.ts'
import type { ManagementDoor } from '../management/management.ts'
import type { StoreLock } from '../store/store-files.ts'
import type { Announcement } from './announcement.ts'
import { removeAnnouncement, writeAnnouncement } from './announcement-file.ts'
import type { BrokerApp } from './broker-app.ts'
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
  readonly app: BrokerApp
  readonly lock: StoreLock
  /** The port that ordinary clients use. */
  readonly front: number | undefined
  readonly announcement: Announcement
  readonly api: ProcessManagement
  /** The port where ordinary clients ask the management API. */
  readonly managementFront: number | undefined
  /** Where it is asked by those who can read the folder. */
  readonly folderManagement: ManagementDoor
}

/** A broker that serves, until it is asked to end, nobody uses it, its folder is gone, or its disk has failed. */
export class RunningBroker {
  readonly #parts: RunningParts
  readonly #idle: IdleWatch | undefined
  readonly #folder: FolderWatch
  readonly #requests: ManagementRequestWatch
  #end: BrokerEnd | undefined
  #resolve: (end: BrokerEnd) => void = () => {}
  /** Resolves once everything is closed. */
  readonly ended: Promise<BrokerEnd>

  constructor(parts: RunningParts) {
    this.#parts = parts
    const { dir, runtime, idleMs, app } = parts
    parts.log(`begin ${parts.announcement.instance} on port ${parts.announcement.port}`)
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
    this.#folder = new FolderWatch(dir, runtime, () => this.#close({ reason: 'folder-gone' }))
    this.#requests = new ManagementRequestWatch(dir, runtime, () => void this.#openManagement())
    const idle =
      idleMs === undefined ? undefined : new IdleWatch(runtime, idleMs, () => this.#close({ reason: 'idle' }))
    this.#idle = idle
    app.listen({
      counted: (connections) => idle?.inUse(connections),
      failed: (error) => this.#close({ reason: 'failed', error }),
    })
  }

  get announcement(): Announcement {
    return this.#parts.announcement
  }

  /** The port where ordinary clients come in. */
  get front(): number | undefined {
    return this.#parts.front
  }

  /** The port where they ask the management API. */
  get managementFront(): number | undefined {
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
    const { app, dir, lock, api } = this.#parts
    await api.close()
    await app.stop(SAID[reason], () => {
      if (reason !== 'folder-gone') removeAnnouncement(dir)
    })
    lock.release()
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
