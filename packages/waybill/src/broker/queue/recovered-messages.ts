import type { MessageLog } from '../store/message-log.ts'
import { fromStored, type Times } from '../stored-form.ts'
import type { QueueContents } from './queue-contents.ts'

/** Read together as the broker opens: enough to keep the disk busy, few enough to be in memory at a time. */
const READ_AT_ONCE = 256

interface Recovered {
  readonly sequence: number
  readonly deliveries: number
  readonly suspect: boolean
}

/** Puts the messages that the log held when it was opened into their queue; reads those first whose place depends on it. */
export class RecoveredMessages {
  readonly #contents: QueueContents
  readonly #log: MessageLog | undefined
  #unread: Recovered[] = []
  #end = 0

  constructor(contents: QueueContents, log: MessageLog | undefined) {
    this.#contents = contents
    this.#log = log
  }

  /** The deadlines of messages before this position are not known until they are read. */
  get end(): number {
    return this.#end
  }

  /** @param suspect the last of the deliveries is only a possible one */
  add(sequence: number, deliveries: number, suspect: boolean): void {
    if (this.#contents.asksContent) {
      this.#unread.push({ sequence, deliveries, suspect })
      return
    }
    const position = this.#contents.index.append(sequence, undefined, Infinity, 0, 0)
    if (deliveries > 0) this.#contents.index.setDeliveries(position, deliveries, suspect)
    this.#end = position + 1
  }

  /** Resolves when every one has its place. */
  async complete(deadlineOf: (times: Times) => number): Promise<void> {
    const unread = this.#unread
    this.#unread = []
    for (let at = 0; at < unread.length; at += READ_AT_ONCE) {
      const part = unread.slice(at, at + READ_AT_ONCE)
      const read = await Promise.all(part.map(async (each) => await this.#log?.read(each.sequence)))
      read.forEach((stored, n) => {
        const each = part[n]
        if (stored === undefined || each === undefined) return
        const { message, times } = fromStored(stored)
        const position = this.#contents.place(each.sequence, message, deadlineOf(times))
        if (each.deliveries > 0) this.#contents.index.setDeliveries(position, each.deliveries, each.suspect)
      })
    }
  }
}
