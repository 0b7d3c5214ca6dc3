import type { Publication, PublishResult } from '../amqp/engine.ts'
import type { Batch } from './batch.ts'

/**
 * Most publications, and bytes of bodies, that wait for the socket to take more. Beyond either a batch is refused, unless
 * none waits: enough to keep the socket busy through any pause of the event loop, and no more than a process can hold.
 */
export const MAX_WAITING = 65_536
export const MAX_WAITING_BYTES: number = 128 * 1_024 * 1_024

/** Batches that are not written in full, in order. */
export class Backlog {
  #batches: Batch[] = []
  #count = 0
  #bytes = 0

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  get count(): number {
    return this.#count
  }

  hasRoom(publications: readonly Publication[]): boolean {
    if (this.isEmpty) return true
    return this.#count + publications.length <= MAX_WAITING && this.#bytes + bytesOf(publications) <= MAX_WAITING_BYTES
  }

  add(batch: Batch): void {
    this.#batches.push(batch)
    this.#count += batch.publications.length - batch.next
    this.#bytes += bytesOf(batch.publications, batch.next)
  }

  /** Lets `write` take publications of the oldest batches until it says that there is no more room. */
  drain(write: (batch: Batch) => boolean): void {
    let written = 0
    let hasRoom = true
    while (hasRoom && written < this.#batches.length) {
      const batch = this.#batches[written] as Batch // below length
      const from = batch.next
      hasRoom = write(batch)
      this.#count -= batch.next - from
      this.#bytes -= bytesOf(batch.publications, from, batch.next)
      if (batch.isWritten) written++
    }
    if (written > 0) this.#batches.splice(0, written)
  }

  /** Answers all that is not written, and forgets it. */
  refuse(result: PublishResult): void {
    const batches = this.#batches
    this.#batches = []
    this.#count = this.#bytes = 0
    for (const batch of batches) batch.answerRest(result)
  }
}

function bytesOf(publications: readonly Publication[], from = 0, end = publications.length): number {
  let sum = 0
  for (let index = from; index < end; index++) sum += (publications[index] as Publication).message.body.byteLength // < end
  return sum
}
