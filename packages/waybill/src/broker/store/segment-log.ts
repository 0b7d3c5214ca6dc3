import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { checkpointBytes, writeCheckpoint } from './checkpoint-record.ts'
import { definitionBytes, writeDefinition } from './definition-record.ts'
import { Evacuation } from './evacuation.ts'
import { GroupWriter } from './group-writer.ts'
import type { LogState } from './log-state.ts'
import { LogTail } from './log-tail.ts'
import type { Durable, MessageLog, MessageLogEvents, StoredMessage } from './message-log.ts'
import { MOST_QUEUES } from './message-index.ts'
import { MessageReader } from './message-reader.ts'
import { Reclaimer } from './reclaimer.ts'
import { MOVE_PREFIX_BYTES, contentSize, publishBytes, writeMovePrefix, writePublish } from './message-record.ts'
import { RECORD, recordBytes } from './record.ts'
import { SEGMENT_HEADER_BYTES } from './segment-header.ts'
import { Segment } from './segment.ts'
import { SegmentSupply } from './segment-supply.ts'
import { countBytes, settleBytes, writeCount, writeSettle } from './settle-record.ts'
import type { StoreFiles, StoreLock } from './store-files.ts'

/** Sequences in one record; a longer list is written as several, so that a purge needs no huge buffer. */
const MOST_SEQUENCES = 8_192
/** The largest message. A record must fit a segment and the memory. */
const MOST_CONTENT_BYTES = 128 * 1024 * 1024

export interface SegmentLogOptions {
  readonly files: StoreFiles
  readonly lock: StoreLock
  readonly runtime: Runtime
  readonly events: MessageLogEvents
  readonly state: LogState
  /** To go on in, with the number of its last group; none in a new folder. */
  readonly active: Segment | undefined
  readonly batch: number
  readonly lastNumber: number
  readonly segmentBytes: number
  readonly firstSegmentBytes: number
  readonly blockBytes: number
  readonly cacheBytes: number
  readonly reserveBytes: number
  readonly mostPendingBytes: number
}

const NOTHING = new Uint8Array(0)

type Condition = { readonly state: 'open' } | { readonly state: 'closed'; readonly error: WaybillError }

/** The log over segments: see `MessageLog`. */
export class SegmentLog implements MessageLog {
  readonly #options: SegmentLogOptions
  readonly #state: LogState
  readonly #tail: LogTail
  readonly #writer: GroupWriter
  readonly #supply: SegmentSupply
  readonly #reader: MessageReader
  readonly #reclaimer: Reclaimer
  #lastNumber: number
  #condition: Condition = { state: 'open' }
  #closing: Promise<void> | undefined

  constructor(options: SegmentLogOptions) {
    this.#options = options
    this.#state = options.state
    this.#lastNumber = options.lastNumber
    this.#supply = new SegmentSupply({
      ...options,
      ready: () => this.#writer.wake(),
      blocked: (blocked, reason) => options.events.blocked?.(blocked, reason),
      starved: () => this.#reclaimer.wake(),
    })
    this.#tail = new LogTail(options.batch, {
      blockBytes: options.blockBytes,
      cacheBytes: options.cacheBytes,
      roll: (bytes) => this.#roll(bytes),
      appended: () => this.#writer.wake(),
    })
    this.#writer = new GroupWriter(this.#tail, {
      failed: (error) => this.#fail(error),
      finished: (segment) => void this.#reader.keep(segment).catch((error: Error) => options.events.damaged?.(error)),
    })
    this.#reader = new MessageReader(options.files, this.#state, this.#tail)
    this.#reclaimer = new Reclaimer({
      ...options,
      tail: this.#tail,
      flush: () => this.flush(),
      forget: (segment) => this.#reader.forget(segment),
      recycle: (segment) => this.#supply.recycle(segment),
      blocked: () => this.#supply.blocked,
      damaged: (error) => options.events.damaged?.(error),
    })
    this.#state.emptied = () => this.#reclaimer.wake()
    if (options.active === undefined) this.#begin(options.firstSegmentBytes, 0)
    else this.#tail.resume(options.active)
    this.#append(RECORD.open, undefined)
    this.#supply.wake()
    this.#reclaimer.wake()
  }

  get pendingBytes(): number {
    return this.#tail.pendingBytes
  }

  get blocked(): boolean {
    return this.#supply.blocked
  }

  publish(queues: readonly number[], message: StoredMessage, done: Durable, preface: Uint8Array = NOTHING): number {
    return this.#store(RECORD.publish, undefined, queues, message, preface, done)
  }

  move(
    from: { readonly queue: number; readonly sequence: number },
    queues: readonly number[],
    message: StoredMessage,
    done: Durable,
  ): number {
    return this.#store(RECORD.move, from, queues, message, NOTHING, done)
  }

  settle(queue: number, sequences: readonly number[], done?: Durable): void {
    if (this.#refuse(done)) return
    const held = this.#held(queue, sequences)
    this.#inParts(held, done, (part, partDone) => {
      this.#tail.reserve(settleBytes(part.length))
      writeSettle(this.#tail.bytes, this.#tail.payload, queue, part)
      this.#tail.commit(RECORD.settle, partDone)
      for (const sequence of part) this.#state.settle(this.#tail.segment, queue, sequence)
    })
  }

  countDelivery(queue: number, sequences: readonly number[], done: Durable): void {
    if (this.#refuse(done)) return
    const { index } = this.#state
    const held = this.#held(queue, sequences)
    this.#inParts(held, done, (part, partDone) => {
      this.#tail.reserve(countBytes(part.length))
      const next = (sequence: number): number => index.deliveries(queue, sequence) + 1
      writeCount(this.#tail.bytes, this.#tail.payload, queue, part, next)
      this.#tail.commit(RECORD.count, partDone)
      for (const sequence of part) this.#state.count(this.#tail.segment, queue, sequence, next(sequence))
    })
  }

  define(key: string, definition: string | undefined, done: Durable): void {
    if (this.#refuse(done)) return
    const order = this.#state.definitions.get(key)?.order ?? this.#state.nextOrder
    const length = definitionBytes(key, definition)
    this.#tail.reserve(length)
    writeDefinition(this.#tail.bytes, this.#tail.payload, order, key, definition)
    this.#tail.commit(RECORD.define, done)
    this.#state.define(key, definition, order)
  }

  read(sequence: number): StoredMessage | Promise<StoredMessage> {
    if (this.#condition.state === 'closed') throw this.#condition.error
    return this.#reader.read(sequence)
  }

  size(sequence: number): number {
    const { index } = this.#state
    return index.locate(sequence) ? index.length : 0
  }

  flush(): Promise<void> {
    const last = this.#tail.groups.at(-1)
    if (this.#condition.state === 'closed') return Promise.reject(this.#condition.error)
    if (last === undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      last.done.push((error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  /** For repair: writes again what is needed of a part of a damaged segment that is being given up. */
  async salvage(segment: Segment, bytes: Buffer, from: number, to: number): Promise<void> {
    const options = { ...this.#options, tail: this.#tail, flush: () => this.flush() }
    new Evacuation(segment, options).salvage(bytes, from, to)
    await this.flush()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      if (this.#condition.state === 'open') {
        await this.#reclaimer.stop()
        // Alone in its group, so that a bad bit in the group before it cannot pass for a torn one.
        await this.flush()
        this.#append(RECORD.close, undefined)
        await this.flush()
        this.#condition = { state: 'closed', error: new WaybillError('WAYBILL_CLOSED', 'the store has been closed') }
      }
    } finally {
      await this.#shut()
    }
  }

  async #shut(): Promise<void> {
    await this.#writer.stop()
    await this.#reclaimer.stop()
    await this.#supply.stop()
    await this.#reader.idle()
    for (const segment of this.#state.segments.values()) await segment.file?.close()
    this.#options.lock.release()
  }

  #store(
    type: typeof RECORD.publish | typeof RECORD.move,
    from: { readonly queue: number; readonly sequence: number } | undefined,
    queues: readonly number[],
    message: StoredMessage,
    preface: Uint8Array,
    done: Durable,
  ): number {
    const size = contentSize(message, preface)
    if (queues.length === 0 || queues.length > MOST_QUEUES)
      throw new TypeError(`a message is stored for 1 to ${MOST_QUEUES} queues, not ${queues.length}`)
    if (size.total > MOST_CONTENT_BYTES)
      throw new WaybillError(
        'WAYBILL_TOO_LARGE',
        `a message of ${size.total} bytes; the log takes ${MOST_CONTENT_BYTES}`,
      )
    if (from === undefined && this.pendingBytes > this.#options.mostPendingBytes)
      throw new WaybillError('WAYBILL_BACKPRESSURE', `${this.pendingBytes} bytes wait for the disk`)
    const sequence = this.#state.nextSequence
    if (this.#refuse(done)) return sequence
    const prefix = from === undefined ? 0 : MOVE_PREFIX_BYTES
    const tail = this.#tail
    tail.reserve(prefix + publishBytes(queues.length, size))
    if (from !== undefined) writeMovePrefix(tail.bytes, tail.payload, from.queue, from.sequence)
    writePublish(tail.bytes, tail.payload + prefix, sequence, queues, message, preface, size)
    tail.commit(type, done)
    if (from !== undefined) this.#state.settle(tail.segment, from.queue, from.sequence)
    this.#state.publish(tail.segment, tail.offset, tail.length, sequence, queues)
    return sequence
  }

  /** A settlement of what the queue does not hold says nothing. */
  #held(queue: number, sequences: readonly number[]): readonly number[] {
    const { index } = this.#state
    return sequences.every((sequence) => index.holds(queue, sequence))
      ? sequences
      : sequences.filter((sequence) => index.holds(queue, sequence))
  }

  #inParts(
    sequences: readonly number[],
    done: Durable | undefined,
    append: (part: readonly number[], done: Durable | undefined) => void,
  ): void {
    if (sequences.length === 0 && done !== undefined) this.#afterLast(done)
    for (let at = 0; at < sequences.length; at += MOST_SEQUENCES) {
      const isLast = at + MOST_SEQUENCES >= sequences.length
      const part = at === 0 && isLast ? sequences : sequences.slice(at, at + MOST_SEQUENCES)
      append(part, isLast ? done : undefined)
    }
  }

  /** Calls `done` in its turn although there is nothing to write for it. */
  #afterLast(done: Durable): void {
    const last = this.#tail.groups.at(-1)
    if (last === undefined) queueMicrotask(() => done(undefined))
    else last.done.push(done)
  }

  #append(type: typeof RECORD.open | typeof RECORD.close, done: Durable | undefined): void {
    this.#tail.reserve(0)
    this.#tail.commit(type, done)
  }

  #refuse(done: Durable | undefined): boolean {
    const condition = this.#condition
    if (condition.state === 'open') return false
    if (done !== undefined) queueMicrotask(() => done(condition.error))
    return true
  }

  #roll(bytes: number): void {
    this.#tail.segment.state = 'sealed'
    this.#begin(this.#options.segmentBytes, bytes)
    this.#reclaimer.wake()
  }

  #begin(size: number, room: number): void {
    const checkpoint = this.#state.checkpoint()
    const length = checkpointBytes(checkpoint)
    // With as much room for records as the checkpoint takes, or with very many definitions nearly every record would need a
    // segment of its own.
    const needed = SEGMENT_HEADER_BYTES + recordBytes(length) + Math.max(room, length)
    const identity = Math.floor(this.#options.runtime.random() * 2 ** 32)
    const segment = new Segment(++this.#lastNumber, identity, Math.max(size, needed))
    this.#state.segments.set(segment.number, segment)
    this.#tail.begin(segment)
    this.#supply.provide(segment)
    this.#tail.reserve(length)
    writeCheckpoint(this.#tail.bytes, this.#tail.payload, checkpoint)
    this.#tail.commit(RECORD.checkpoint, undefined)
  }

  #fail(error: WaybillError): void {
    if (this.#condition.state === 'closed') return
    this.#condition = { state: 'closed', error }
    for (const group of this.#tail.groups.splice(0)) for (const done of group.done) done(error)
    this.#options.events.failed?.(error)
    this.#closing ??= this.#shutAfterFailure()
  }

  async #shutAfterFailure(): Promise<void> {
    try {
      await this.#shut()
    } catch {
      // What fails now has no more to say than the error that everybody has been given; the lock must go in any case.
      this.#options.lock.release()
    }
  }
}
