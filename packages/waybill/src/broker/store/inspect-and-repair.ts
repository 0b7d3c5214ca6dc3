import { withDefaults, type OpenLogOptions } from './open-log.ts'
import { salvage, type Salvaged } from './salvage.ts'
import { SegmentLog } from './segment-log.ts'
import { scanDamagedSegment } from './segment-scan.ts'
import type { StoreDamage } from './store-damage.ts'
import type { StoreFiles } from './store-files.ts'

export interface StoreReport {
  readonly segments: readonly SegmentReport[]
  /** Messages that at least one queue holds. */
  readonly messages: number
  readonly definitions: number
  /** The last process closed the log. */
  readonly clean: boolean
  /** What could not be read; empty when the log opens. */
  readonly damage: readonly StoreDamage[]
}

export interface SegmentReport {
  readonly file: string
  readonly bytes: number
  readonly usedBytes: number
  /** Of messages that at least one queue holds. */
  readonly liveBytes: number
}

/**
 * What is in the log of a folder that no process has open; changes nothing in it.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE`, `WAYBILL_STORE_VERSION`
 */
export async function inspectStore(files: StoreFiles): Promise<StoreReport> {
  const lock = await files.lock()
  try {
    return report(await salvage(files))
  } finally {
    lock.release()
  }
}

/**
 * Makes a damaged log one that opens: everything that can still be read is written to new segments, and the old ones go.
 * Returns what was there and what was lost. A log without damage is left alone.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE`, `WAYBILL_STORE_VERSION`, `WAYBILL_STORE_FAILED`
 */
export async function repairStore(options: OpenLogOptions): Promise<StoreReport> {
  const { files } = options
  const lock = await files.lock()
  let log: SegmentLog | undefined
  try {
    const found = await salvage(files)
    const result = report(found)
    if (result.damage.length === 0) return result
    const old = [...found.state.segments.values()]
    // Not part of the new log, but not to be thrown away before all of it is in there.
    for (const segment of old) segment.state = 'salvaged'
    const { state, lastNumber } = found
    log = new SegmentLog({ ...withDefaults(options), state, lastNumber, lock, active: undefined, batch: 0 })
    for (const segment of old) {
      const file = await files.open(segment.name)
      const bytes = Buffer.allocUnsafeSlow(file.size)
      await file.read(bytes, 0)
      await file.close()
      const runs: [from: number, to: number][] = []
      let from = -1
      const end = scanDamagedSegment(
        bytes,
        segment.identity,
        (at) => (from = from === -1 ? at : from),
        (badFrom) => {
          if (from !== -1) runs.push([from, badFrom])
          from = -1
        },
      )
      if (from !== -1) runs.push([from, end])
      for (const [start, stop] of runs) await log.salvage(segment, bytes, start, stop)
    }
    await log.close()
    for (const segment of old) await files.remove(segment.name)
    await files.syncFolder()
    return result
  } finally {
    if (log === undefined) lock.release()
    else await log.close()
  }
}

function report({ state, damage, clean }: Salvaged): StoreReport {
  return {
    segments: [...state.segments.values()].map(({ name, size, end, liveBytes }) => ({
      file: name,
      bytes: size,
      usedBytes: end,
      liveBytes,
    })),
    messages: state.index.live,
    definitions: state.definitions.size,
    clean,
    damage,
  }
}
