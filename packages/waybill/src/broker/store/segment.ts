import type { StoreFile } from './store-files.ts'

/** One file of the log and what is known of its contents. */
export class Segment {
  readonly number: number
  /** Seeds the checksums of its records. */
  readonly identity: number
  readonly size: number
  /** Where the next record goes, or where the last one ended. */
  end = 0
  /** What is on the disk; the rest, up to `end`, is on its way. */
  written = 0
  /** Open while it is written, and while it is read from. */
  file: StoreFile | undefined
  /** Bytes of its records that hold messages not yet settled by all their queues. */
  liveBytes = 0
  /** About the bytes it would take to write again what `supersedes` is about. */
  supersedingBytes = 0
  /**
   * Segments with messages that records here settle or count. This one may not go before them unless those records are
   * written again, or what they settled would be back after a restart.
   */
  readonly supersedes: Set<Segment> = new Set()
  /** Segments with older records of messages that were copied here. Only for a moment: they are being retired. */
  readonly shadows: Set<Segment> = new Set()
  /** The range of sequences of the messages in it, copies included. */
  firstSequence: number = Infinity
  lastSequence = -1
  state: 'active' | 'sealed' | 'salvaged' | 'retired' | 'gone' = 'active'

  constructor(number: number, identity: number, size: number) {
    this.number = number
    this.identity = identity
    this.size = size
  }

  get name(): string {
    return segmentName(this.number)
  }

  /** Bytes that would have to be written again if the segment were to go now. */
  get neededBytes(): number {
    return this.liveBytes + (this.supersedes.size > 0 ? this.supersedingBytes : 0)
  }
}

const NAME = /^(\d{8,10})\.log$/

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.log`
}

export function segmentNumber(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
