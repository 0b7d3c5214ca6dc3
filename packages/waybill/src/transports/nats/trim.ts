// What an event stream may forget: what every group has settled, and is older than its channel's history. The server's own
// retention by age or size would drop what nobody has read yet, and its retention by interest keeps no history; so those
// who use the channel look now and then, and purge up to there. Any of them may, at any time: it is the same for all.
import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Declarer } from './declarer.ts'
import type { Names } from './names.ts'
import { standing } from './ordered/shard-record.ts'
import { settledTo } from './progress.ts'
import type { Settings } from './settings.ts'
import type { Wire } from './wire.ts'

/** Between two looks of one process, with half of it left to chance; less where the history is short. */
const LOOK_EVERY_MS = 60_000

interface TrimParts {
  readonly wire: () => Wire
  readonly names: Names
  readonly settings: Settings
  readonly declarer: Declarer
  readonly runtime: Runtime
  readonly emit: (event: TransportEvent) => void
}

export class Trim {
  readonly #parts: TrimParts
  #timer: Timer | undefined
  #ended = false

  constructor(parts: TrimParts) {
    this.#parts = parts
  }

  begin(): void {
    if (this.#ended) return
    const { runtime, settings } = this.#parts
    const everyMs = Math.min(LOOK_EVERY_MS, Math.max(1_000, settings.historyMs))
    this.#timer = runtime.setTimer(everyMs / 2 + (runtime.random() * everyMs) / 2, () => void this.#look())
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    try {
      for (const channel of this.#parts.declarer.eventChannels()) {
        if (this.#ended) return
        await this.#trim(channel)
      }
    } catch (thrown) {
      const error = asError(thrown)
      // A link that is down, or a stream that is gone, needs no trimming.
      const expected = ['WAYBILL_NOT_CONNECTED', 'WAYBILL_CLOSED', 'WAYBILL_NOT_FOUND'] as const
      if (!expected.some((code) => isWaybillError(error, code))) this.#parts.emit({ type: 'error', error })
    }
    this.begin()
  }

  async #trim(channel: Channel): Promise<void> {
    const { wire, names, settings, runtime } = this.#parts
    const { api } = wire()
    const name = names.stream(channel)
    // Read first: what is settled is judged against a stream that was no longer than this.
    const stream = await api.stream(name)
    if (stream === undefined || stream.state.messages === 0 || stream.config.retention !== 'limits') return
    const keepMs = channel.retentionMs ?? settings.historyMs
    const cutoff = runtime.now() - keepMs
    // Somebody else has looked lately.
    if (Date.parse(stream.state.first_ts) > cutoff - keepMs / 10) return
    const { last_seq, first_seq } = stream.state
    const old = Date.parse(stream.state.last_ts) < cutoff ? last_seq : await api.sequenceBefore(name, cutoff)
    const upTo = Math.min(old, await this.#settledByAll(channel, name, last_seq))
    if (upTo >= first_seq) await api.purge(name, upTo + 1)
  }

  /** The sequence up to which every group has settled everything. */
  async #settledByAll(channel: Channel, stream: string, last: number): Promise<number> {
    const { wire, names } = this.#parts
    const registry = await wire().registry()
    const records = await registry.under(names.leasesOf(channel))
    const consumers = await wire().api.consumers(stream)
    let least = last
    for (const info of consumers) {
      if (info.config.ack_policy === 'none') continue
      const isDone = info.num_pending === 0 && info.num_ack_pending === 0
      if (!isDone) least = Math.min(least, settledTo(info))
    }
    for (const entry of records) {
      const [group = '', kind, shard] = entry.key.slice(names.leasesOf(channel).length + 1).split('.')
      if (kind !== 'shard' || consumers.some((info) => info.name.startsWith(`${group}+${shard}+`))) continue
      // It changes hands at this moment: what was settled when it last did is certain.
      least = Math.min(least, (standing(entry)?.record.next ?? 1) - 1)
    }
    return least
  }
}
