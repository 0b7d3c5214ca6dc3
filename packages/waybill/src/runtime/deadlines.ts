import type { Runtime, Timer } from './runtime.ts'

/** One thing that must happen by an instant unless it is cancelled first. */
export interface Deadline {
  cancel(): void
}

interface Entry {
  readonly dueAt: number
  fn: (() => void) | undefined
}

/**
 * Many deadlines on one timer: a binary heap by due time. Adding and cancelling cost no timer of the platform, which is
 * what makes a deadline per message affordable.
 */
export class Deadlines {
  readonly #runtime: Runtime
  readonly #heap: Entry[] = []
  #cancelled = 0
  #timer: Timer | undefined
  #timerDueAt = Infinity

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Calls `fn` once, `delayMs` from now at the earliest, unless cancelled. */
  add(delayMs: number, fn: () => void): Deadline {
    const entry: Entry = { dueAt: this.#runtime.monotonic() + delayMs, fn }
    this.#push(entry)
    if (entry.dueAt < this.#timerDueAt) this.#arm(entry.dueAt)
    return {
      cancel: () => {
        if (entry.fn === undefined) return
        entry.fn = undefined
        this.#cancelled++
        // Cancelled entries are dropped when they outnumber the live ones, so the heap stays within twice its use.
        if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#compact()
      },
    }
  }

  /** Forgets all of them. */
  clear(): void {
    this.#heap.length = 0
    this.#cancelled = 0
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerDueAt = Infinity
  }

  #arm(dueAt: number): void {
    this.#timer?.cancel()
    this.#timerDueAt = dueAt
    this.#timer = this.#runtime.setTimer(Math.max(0, Math.ceil(dueAt - this.#runtime.monotonic())), () => this.#fire())
  }

  #fire(): void {
    this.#timer = undefined
    this.#timerDueAt = Infinity
    try {
      this.#fireDue(this.#runtime.monotonic())
    } finally {
      // One that throws is its owner's defect, and does not silence the others.
      const next = this.#heap[0]
      if (next !== undefined && next.dueAt < this.#timerDueAt) this.#arm(next.dueAt)
    }
  }

  #fireDue(now: number): void {
    for (
      let head = this.#heap[0];
      head !== undefined && (head.fn === undefined || head.dueAt <= now);
      head = this.#heap[0]
    ) {
      this.#pop()
      const fn = head.fn
      if (fn === undefined) this.#cancelled--
      else {
        head.fn = undefined
        fn()
      }
    }
  }

  #compact(): void {
    const live = this.#heap.filter((entry) => entry.fn !== undefined)
    this.#heap.length = 0
    this.#cancelled = 0
    for (const entry of live) this.#push(entry)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Entry // parent < at
      if (above.dueAt <= entry.dueAt) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = child + 1
      if (right < heap.length && (heap[right] as Entry).dueAt < (heap[child] as Entry).dueAt) child = right // both below length
      const below = heap[child] as Entry // child < length
      if (below.dueAt >= last.dueAt) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}
