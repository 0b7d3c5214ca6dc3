import type { Runtime } from '../../runtime/runtime.ts'

/** Messages forgotten in one turn of the event loop: millions of them at once would stop everything else. */
const PART = 8_192

export interface Emptied {
  /** Forgets the next message; `false` when there is none left. */
  readonly forgetNext: () => boolean
  /** A part is over. */
  readonly write: () => void
  /** All is over, after so many messages. */
  readonly done: (count: number) => void
}

/** Forgets the messages of a queue, a part in each turn: the first, and often the only one, before this returns. */
export function emptyInParts(runtime: Runtime, { forgetNext, write, done }: Emptied): void {
  let count = 0
  const part = (): void => {
    const end = count + PART
    while (count < end && forgetNext()) count++
    write()
    if (count < end) done(count)
    else runtime.defer(part)
  }
  part()
}
