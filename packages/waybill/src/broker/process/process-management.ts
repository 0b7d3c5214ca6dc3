import { PACKAGE_VERSION } from '../../message/package-version.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Management, ManagementDoor } from '../management/management.ts'
import type { ManagementServer } from '../management/management-server.ts'
import type { BrokerApp } from './broker-app.ts'
import type { ProcessLog } from './process-log.ts'

export interface ProcessManagementOptions {
  readonly runtime: Runtime
  readonly app: BrokerApp
  readonly log: ProcessLog
}

/** What requests may take to end at the end. */
const GOODBYE_MS = 200

/** The management API of a broker process, which is loaded when it is first served. */
export class ProcessManagement {
  readonly #options: ProcessManagementOptions
  #loaded: Promise<Management> | undefined

  constructor(options: ProcessManagementOptions) {
    this.#options = options
  }

  /** @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE` */
  async serve(door: ManagementDoor): Promise<ManagementServer> {
    this.#loaded ??= this.#load()
    return (await this.#loaded).serve(door)
  }

  async close(): Promise<void> {
    await (await this.#loaded)?.close(GOODBYE_MS)
  }

  async #load(): Promise<Management> {
    const { Management: Loaded } = await import('../management/management.ts')
    const { log } = this.#options
    const failed = (error: unknown): void => log(`management: ${error instanceof Error ? error.stack : String(error)}`)
    return new Loaded({ ...this.#options, version: PACKAGE_VERSION, failed })
  }
}
