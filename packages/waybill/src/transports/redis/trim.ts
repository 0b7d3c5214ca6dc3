// What streams may forget: what every group has settled, and is older than the channel's history. Those who use a channel look
// now and then. Any of them may, at any time: it is one script, and the same for all.
import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Timer } from '../../runtime/runtime.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import { text, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { shardsOf } from './names.ts'

/** Between two looks of one process, with half of it left to chance; less where the history is short. */
const LOOK_EVERY_MS = 10_000
/** Nobody waits for the answer to a survey that is so old. */
const SURVEYS_KEPT_MS = 600_000

export class Trim {
  readonly #context: Context
  readonly #reported = new Set<string>()
  #timer: Timer | undefined
  #ended = false

  constructor(context: Context) {
    this.#context = context
  }

  begin(): void {
    if (this.#ended) return
    const { runtime, settings } = this.#context
    const everyMs = Math.min(LOOK_EVERY_MS, Math.max(1_000, settings.historyMs))
    this.#timer = runtime.setTimer(everyMs / 2 + (runtime.random() * everyMs) / 2, () => void this.#look())
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    try {
      for (const channel of this.#context.declarer.channels) {
        if (this.#ended) return
        // What has one recipient is deleted when it is settled.
        if (!hasOneRecipient(channel.kind) && channel.kind !== 'reply') await this.#trim(channel)
      }
    } catch (thrown) {
      const error = asError(thrown)
      // A link that is down needs no trimming.
      const expected = ['WAYBILL_NOT_CONNECTED', 'WAYBILL_CLOSED', 'WAYBILL_OUTCOME_UNKNOWN'] as const
      if (!expected.some((code) => isWaybillError(error, code))) this.#context.emit({ type: 'error', error })
    }
    this.begin()
  }

  async #trim(channel: Channel): Promise<void> {
    const { connection, names, settings } = this.#context
    const keptMs = channel.retentionMs ?? settings.historyMs
    const args = [shardsOf(channel), keptMs, channel.kind === 'survey' ? SURVEYS_KEPT_MS : 0, settings.maxLength]
    const full = await connection().run('trimChannel', names.base(channel), args)
    for (const [stream, length, group, members] of full as readonly (readonly Reply[])[])
      if (members === 0) this.#report(text(stream), Number(length), text(group))
  }

  /** A group that nobody runs must not fill the server unseen. Each is told once. */
  #report(stream: string, length: number, group: string): void {
    const what = `group ${group} has no member, and holds back most of ${length} messages of ${stream}, of at most ${this.#context.settings.maxLength}`
    const name = `${stream} ${group}`
    if (this.#reported.has(name)) return
    this.#reported.add(name)
    const cure = `Run a member of it, or, where it is no more, XGROUP DESTROY ${stream} ${group}.`
    this.#context.emit({ type: 'error', error: new WaybillError('WAYBILL_LIMIT', what, { cure }) })
  }
}
