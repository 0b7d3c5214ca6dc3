import type { Runtime } from '../../runtime/runtime.ts'
import type { MessageLogEvents, RecoveredLog } from './message-log.ts'
import { recover } from './recover.ts'
import { MOST_GROUP_BYTES } from './record.ts'
import { SegmentLog } from './segment-log.ts'
import type { StoreFiles } from './store-files.ts'

const MIB = 1024 * 1024

export interface OpenLogOptions {
  readonly files: StoreFiles
  readonly runtime: Runtime
  readonly events?: MessageLogEvents
  /** Size of a segment. Default 32 MiB. */
  readonly segmentBytes?: number
  /** Size of the first segment of a new folder: small, because the first start waits for it. Default 1 MiB. */
  readonly firstSegmentBytes?: number
  /** The largest group. Default 1 MiB. */
  readonly blockBytes?: number
  /** The newest part of the log that is kept in memory for reading. Default 32 MiB. */
  readonly cacheBytes?: number
  /** Publishers are held back while less than this is free on the disk. Default 256 MiB. */
  readonly reserveBytes?: number
  /** Above this, `publish` throws WAYBILL_BACKPRESSURE. Default 64 MiB. */
  readonly mostPendingBytes?: number
}

/** @throws {TypeError} when a group could be larger than a record can say */
export function withDefaults(options: OpenLogOptions): Required<OpenLogOptions> {
  const blockBytes = options.blockBytes ?? MIB
  if (blockBytes > MOST_GROUP_BYTES) throw new TypeError(`blockBytes is at most ${MOST_GROUP_BYTES}`)
  return {
    files: options.files,
    runtime: options.runtime,
    events: options.events ?? {},
    segmentBytes: options.segmentBytes ?? 32 * MIB,
    firstSegmentBytes: options.firstSegmentBytes ?? MIB,
    blockBytes,
    cacheBytes: options.cacheBytes ?? 32 * MIB,
    reserveBytes: options.reserveBytes ?? 256 * MIB,
    mostPendingBytes: options.mostPendingBytes ?? 64 * MIB,
  }
}

/**
 * Opens the log in a folder, which it takes for itself.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE`, `WAYBILL_STORE_DAMAGED`, `WAYBILL_STORE_VERSION`
 */
export async function openLog(options: OpenLogOptions): Promise<RecoveredLog> {
  const { files } = options
  const lock = await files.lock()
  try {
    const recovered = await recover(files)
    const { state } = recovered
    const log = new SegmentLog({ ...withDefaults(options), ...recovered, lock })
    // From here on a crash is told from a close.
    await log.flush()
    const definitions = [...state.definitions].toSorted(([, a], [, b]) => a.order - b.order)
    return {
      log,
      definitions: new Map(definitions.map(([key, { value }]) => [key, value])),
      forEachMessage: (visit) => state.index.forEach(visit),
      unclean: !recovered.clean,
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
