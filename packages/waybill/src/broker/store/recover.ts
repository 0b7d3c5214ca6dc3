import { LogState } from './log-state.ts'
import { isRecord } from './record.ts'
import { Replay } from './replay.ts'
import { SegmentReadAhead } from './segment-read-ahead.ts'
import { SEGMENT_HEADER_BYTES, readSegmentHeader } from './segment-header.ts'
import { isDamagedBehind, scanSegment } from './segment-scan.ts'
import { isSpare } from './segment-supply.ts'
import { Segment, segmentName, segmentNumber } from './segment.ts'
import { storeDamaged } from './store-damage.ts'
import type { StoreFile, StoreFiles } from './store-files.ts'

/** How far the torn end of the log is overwritten with zeros; no group but that of one huge message is longer. */
const CUT_BYTES = 1024 * 1024

export interface RecoveredState {
  readonly state: LogState
  /** The segment to go on in, its file open; none in a new folder. */
  readonly active: Segment | undefined
  /** The number of the last group in it, or of one that was torn. */
  readonly batch: number
  /** The last process closed the log. */
  readonly clean: boolean
  /** The highest number of any segment file, begun or not: numbers are not used twice. */
  readonly lastNumber: number
}

/**
 * Reads the log back. Records are applied in order up to the first bad one. If anything behind it, in its segment or in a
 * later one, belongs to a later group, the bad record had been synced, and is damage; otherwise it is the torn tail of a
 * group that was never confirmed, and is cut.
 *
 * @throws {WaybillError} `WAYBILL_STORE_DAMAGED`, `WAYBILL_STORE_VERSION`
 */
export async function recover(files: StoreFiles): Promise<RecoveredState> {
  const names = await files.list()
  const numbers = names.flatMap((name) => segmentNumber(name) ?? []).toSorted((a, b) => a - b)
  const state = new LogState()
  const replay = new Replay(state)
  const readAhead = new SegmentReadAhead(files, numbers.map(segmentName))
  const unbegun: number[] = []
  let active: Segment | undefined
  let batch = 0
  for (const number of numbers) {
    const bytes = await readAhead.next()
    const begun = replaySegment(files.folder, number, bytes, state, replay)
    if (begun === undefined) {
      unbegun.push(number)
      continue
    }
    const [hole] = unbegun
    if (hole !== undefined)
      throw storeDamaged(files.folder, {
        file: segmentName(hole),
        offset: 0,
        what: 'the beginning of the segment is bad, yet a later one is good',
      })
    ;({ segment: active, batch } = begun)
  }
  if (active !== undefined) {
    checkChain(files.folder, state, replay, active)
    active.state = 'active'
    active.file = await files.open(active.name)
    try {
      batch = await cutTornTail(files.folder, active, active.file, batch, replay.clean)
    } catch (error) {
      await active.file.close()
      throw error
    }
  }
  // Only now that nothing is damaged is anything thrown away.
  for (const name of [...unbegun.map(segmentName), ...names.filter(isSpare)]) await files.remove(name)
  return { state, active, batch, clean: replay.clean, lastNumber: numbers.at(-1) ?? 0 }
}

/** The batch number to go on after; overwrites what a torn group may have left. */
async function cutTornTail(
  folder: string,
  active: Segment,
  file: StoreFile,
  batch: number,
  clean: boolean,
): Promise<number> {
  if (clean) return batch
  const bytes = Buffer.allocUnsafeSlow(active.size)
  await file.read(bytes, 0)
  if (isDamagedBehind(bytes, active.identity, { end: active.end, batch }))
    throw storeDamaged(folder, {
      file: active.name,
      offset: active.end,
      what: 'a record is bad, yet later ones are good',
    })
  const length = Math.min(CUT_BYTES, active.size - active.end)
  bytes.fill(0, 0, length)
  if (length > 0)
    await new Promise<void>((resolve, reject) => {
      file.write(bytes, 0, length, active.end, (error) => (error === undefined ? resolve() : reject(error)))
    })
  // The torn group had the next number, and what is left of it must not be taken for a part of the next group.
  return batch + 1
}

/** The last checkpoint names the segments before it, and where each ends. What it does not name has been retired. */
function checkChain(folder: string, state: LogState, replay: Replay, active: Segment): void {
  const named = new Set<number>([active.number])
  for (const { number, identity, end } of replay.checkpoint?.segments ?? []) {
    if (replay.retired.has(number)) continue
    named.add(number)
    const segment = state.segments.get(number)
    const file = segmentName(number)
    if (segment === undefined) throw storeDamaged(folder, { file, offset: 0, what: 'the segment is missing' })
    if (segment.identity !== identity)
      throw storeDamaged(folder, { file, offset: 0, what: 'it is another segment than the log has at this place' })
    if (segment.end !== end)
      throw storeDamaged(folder, { file, offset: segment.end, what: `a record is bad; they should go on to ${end}` })
  }
  for (const segment of state.segments.values()) if (!named.has(segment.number)) segment.state = 'retired'
}

function replaySegment(
  folder: string,
  number: number,
  bytes: Buffer,
  state: LogState,
  replay: Replay,
): { readonly segment: Segment; readonly batch: number } | undefined {
  const file = segmentName(number)
  const header = readSegmentHeader(bytes, number, `${folder}/${file}`)
  if (header.state === 'unwritten') return undefined
  if (header.state === 'damaged')
    throw storeDamaged(folder, { file, offset: 0, what: 'the header of the segment is bad' })
  const { identity } = header
  const dry = header.state === 'torn' || !isRecord(bytes, SEGMENT_HEADER_BYTES, bytes.length, identity)
  const segment = new Segment(number, identity, bytes.length)
  segment.state = 'sealed'
  if (!dry) state.segments.set(number, segment)
  const scan = scanSegment(bytes, identity, (at) => {
    if (!dry) replay.apply(segment, bytes, at, at)
  })
  // Half a header or a bad first record is what a torn first group leaves; with a second group it is damage.
  if (dry && (scan.batch > 1 || isDamagedBehind(bytes, identity, scan)))
    throw storeDamaged(folder, {
      file,
      offset: 0,
      what: 'the beginning of the segment is bad, yet later records are good',
    })
  if (dry) return undefined
  segment.end = scan.end
  segment.written = scan.end
  return { segment, batch: scan.batch }
}
