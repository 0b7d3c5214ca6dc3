import { LogState } from './log-state.ts'
import { Replay } from './replay.ts'
import { readSegmentHeader, salvageIdentity } from './segment-header.ts'
import { scanDamagedSegment } from './segment-scan.ts'
import { SegmentReadAhead } from './segment-read-ahead.ts'
import { Segment, segmentName, segmentNumber } from './segment.ts'
import type { StoreDamage } from './store-damage.ts'
import type { StoreFiles } from './store-files.ts'

export interface Salvaged {
  readonly state: LogState
  readonly damage: readonly StoreDamage[]
  /** The last process closed the log. */
  readonly clean: boolean
  readonly lastNumber: number
}

/** Reads what can be read of a log, past any damage; changes nothing. */
export async function salvage(files: StoreFiles): Promise<Salvaged> {
  const names = await files.list()
  const numbers = names.flatMap((name) => segmentNumber(name) ?? []).toSorted((a, b) => a - b)
  const state = new LogState()
  const replay = new Replay(state)
  const damage: StoreDamage[] = []
  const readAhead = new SegmentReadAhead(files, numbers.map(segmentName))
  for (const number of numbers) {
    const file = segmentName(number)
    const bytes = await readAhead.next()
    const header = readSegmentHeader(bytes, number, `${files.folder}/${file}`)
    if (header.state === 'unwritten') continue
    if (header.state !== 'whole') damage.push({ file, offset: 0, what: 'the header of the segment is bad' })
    const identity = header.state === 'damaged' ? salvageIdentity(bytes, number, file) : header.identity
    if (identity === undefined) {
      damage.push({ file, offset: 0, what: `without its header nothing of its ${bytes.length} bytes can be read` })
      continue
    }
    const segment = new Segment(number, identity, bytes.length)
    segment.state = 'sealed'
    state.segments.set(number, segment)
    segment.end = scanDamagedSegment(
      bytes,
      identity,
      (at) => replay.apply(segment, bytes, at, at),
      (from, to) => damage.push(lostBytes(file, from, to)),
    )
    segment.written = segment.end
  }
  for (const { number, end } of replay.checkpoint?.segments ?? []) {
    if (replay.retired.has(number)) continue
    const segment = state.segments.get(number)
    if (segment === undefined) damage.push({ file: segmentName(number), offset: 0, what: 'the segment is missing' })
    else if (segment.end < end) damage.push(lostBytes(segment.name, segment.end, end))
  }
  return { state, damage, clean: replay.clean, lastNumber: numbers.at(-1) ?? 0 }
}

function lostBytes(file: string, from: number, to: number): StoreDamage {
  const what = `${to - from} bytes are unreadable: messages in them are lost, and messages settled by them come back`
  return { file, offset: from, what }
}
