// Tells subscriptions that there is something new in a stream. One connection waits for all of them with XREAD, which has no
// effect on the server: what came is fetched by who is told, in a script that checks whether it may. So a request that a
// stalled link still has on its way never takes a message to nowhere.
import type { Runtime } from '../../runtime/runtime.ts'
import { text, type Connection, type Reply } from './connection.ts'
import { compareIds } from './ids.ts'

/** The longest wait at a time, should nobody tell: also what a server costs that does not let us end a wait. */
const WAIT_MS = 1_000
const UNBLOCK_AGAIN_MS = 2

interface Watch {
  /** Streams, and the id behind which there is news. */
  readonly streams: ReadonlyMap<string, string>
  /** Called once, with a stream that has news, and the id of the first of it. */
  readonly rung: (stream: string, id: string) => void
}

export class Bell {
  readonly #runtime: Runtime
  readonly #connection: () => Connection
  readonly #watches = new Map<object, Watch>()
  #waiting = false
  /** The server has been asked, and has not answered. */
  #asked = false
  #changed = false
  #unblocking = false

  constructor(runtime: Runtime, connection: () => Connection) {
    this.#runtime = runtime
    this.#connection = connection
  }

  /** Replaces what `who` has watched so far. It is rung once, and then forgotten. */
  watch(who: object, streams: Watch['streams'], rung: Watch['rung']): void {
    this.#watches.set(who, { streams, rung })
    this.#changed = true
    if (!this.#waiting) void this.#wait()
    else if (this.#asked && !this.#unblocking) void this.#unblock()
  }

  unwatch(who: object): void {
    this.#watches.delete(who)
  }

  /** The link is down: nothing is watched any more. */
  reset(): void {
    this.#watches.clear()
  }

  async #wait(): Promise<void> {
    this.#waiting = true
    // What is set in the same turn is waited for together.
    await new Promise<void>((resolve) => this.#runtime.defer(resolve))
    try {
      const connection = this.#connection()
      while (this.#watches.size > 0) {
        this.#changed = false
        const streams = this.#streams()
        const args = ['COUNT', '1', 'STREAMS', ...streams.keys(), ...streams.values()]
        this.#asked = true
        const reply = await connection.wait(WAIT_MS, ...args)
        this.#asked = false
        this.#ring(reply)
      }
    } catch {
      // The link is down, and says so itself; what is no stream tells whoever fetches from it.
      this.#ringLater()
    } finally {
      this.#waiting = false
      this.#asked = false
    }
  }

  #ringLater(): void {
    const watches = [...this.#watches.values()]
    this.#watches.clear()
    this.#runtime.setTimer(WAIT_MS, () => {
      for (const { streams, rung } of watches) for (const [stream, id] of [...streams].slice(0, 1)) rung(stream, id)
    })
  }

  /** Of each stream the earliest place that anybody waits behind. */
  #streams(): ReadonlyMap<string, string> {
    const all = new Map<string, string>()
    for (const { streams } of this.#watches.values())
      for (const [stream, id] of streams) {
        const before = all.get(stream)
        if (before === undefined || compareIds(id, before) < 0) all.set(stream, id)
      }
    return all
  }

  #ring(reply: Reply): void {
    if (reply === null) return
    const news = new Map(
      (reply as readonly (readonly [Buffer, readonly (readonly [Buffer, Reply])[]])[]).map(([stream, entries]) => [
        text(stream),
        text(entries[0]?.[0]),
      ]),
    )
    for (const [who, { streams, rung }] of this.#watches)
      for (const stream of streams.keys()) {
        const id = news.get(stream)
        if (id === undefined) continue
        this.#watches.delete(who)
        rung(stream, id)
        break
      }
  }

  /** Until the wait that does not know of the change has ended. */
  async #unblock(): Promise<void> {
    this.#unblocking = true
    try {
      while (this.#asked && this.#changed) {
        await this.#connection().unblock()
        await new Promise<void>((resolve) => void this.#runtime.setTimer(UNBLOCK_AGAIN_MS, resolve))
      }
    } catch {
      // Not permitted, or the link is down: the wait ends by itself.
    } finally {
      this.#unblocking = false
    }
  }
}
