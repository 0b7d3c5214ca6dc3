// What waits is moved on by the members of groups, as they fetch. A channel may have none: those who send to it with a delay, and
// readers without a group, see to it, too. Whoever is first moves it; to the others there is nothing due any more.
import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Bell } from './bell.ts'
import { text, type Connection } from './connection.ts'
import type { Names } from './names.ts'

/** A timer is not set for longer: who lives looks then. */
const LONGEST_TIMER_MS = 3_600_000
const TRY_AGAIN_MS = 1_000

interface Served {
  readonly base: string
  readonly bell: string
  /** The channel's bell: heard up to here. */
  heard: string
  timer: Timer | undefined
}

interface Parts {
  readonly connection: () => Connection
  readonly names: Names
  readonly runtime: Runtime
  readonly bell: Bell
  readonly emit: (event: TransportEvent) => void
}

export class Later {
  readonly #parts: Parts
  readonly #served = new Map<string, Served>()
  #ended = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** From now on, until the transport closes. */
  serve(channel: Channel): void {
    const { names } = this.#parts
    const base = names.base(channel)
    if (this.#ended || this.#served.has(base)) return
    const served: Served = { base, bell: names.bell(channel), heard: '0-0', timer: undefined }
    this.#served.set(base, served)
    void this.#look(served)
  }

  linkUp(): void {
    for (const served of this.#served.values()) void this.#look(served)
  }

  linkDown(): void {
    for (const { timer } of this.#served.values()) timer?.cancel()
  }

  end(): void {
    this.#ended = true
    this.linkDown()
    for (const served of this.#served.values()) this.#parts.bell.unwatch(served)
  }

  async #look(served: Served): Promise<void> {
    served.timer?.cancel()
    try {
      const [, due] = await this.#parts.connection().run('moveDue', served.base, [])
      if (this.#ended) return
      if (text(due) !== '') this.#lookIn(served, Number(text(due)))
      this.#parts.bell.watch(served, new Map([[served.bell, served.heard]]), (_, id) => {
        served.heard = id
        void this.#look(served)
      })
    } catch (thrown) {
      const error = asError(thrown)
      // A link that comes up begins anew.
      const isLink = (['WAYBILL_NOT_CONNECTED', 'WAYBILL_OUTCOME_UNKNOWN', 'WAYBILL_CLOSED'] as const).some((code) =>
        isWaybillError(error, code),
      )
      if (this.#ended || isLink) return
      this.#parts.emit({ type: 'error', error })
      this.#lookIn(served, TRY_AGAIN_MS)
    }
  }

  #lookIn(served: Served, ms: number): void {
    served.timer?.cancel()
    served.timer = this.#parts.runtime.setTimer(Math.min(LONGEST_TIMER_MS, ms), () => void this.#look(served))
  }
}
