// Publish / asynchronous responses: the replies to a survey, streamed as they come.
import type { AnySurvey } from '../../contract/contract.ts'
import { decodeReply } from '../../contract/reply.ts'
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Replies } from './replies.ts'

/** Replies that a slow reader has not taken yet; further ones end the survey with WAYBILL_BACKPRESSURE. */
const MAX_UNREAD = 10_000

/** One recipient's answer to a survey. */
export type SurveyReply<Reply> = { readonly from: string } & (
  { readonly ok: true; readonly value: Reply } | { readonly ok: false; readonly error: Error }
)

/** A question ready to be sent. */
export interface Asked {
  readonly message: WireMessage
  /** What is left of its time. */
  readonly leftMs: () => number
}

export interface Scatter {
  readonly replies: Replies
  readonly survey: AnySurvey
  readonly limit: number | undefined
  readonly signal: AbortSignal | undefined
  readonly ask: () => Promise<Asked>
  readonly send: (message: WireMessage, leftMs: number) => Promise<void>
}

/**
 * Sends the survey when iteration begins. The time-out is the ordinary end; an abort, a lost reply address or a send that
 * fails is thrown. Leaving the loop early forgets the survey.
 */
export async function* scatterReplies<Reply>(scatter: Scatter): AsyncGenerator<SurveyReply<Reply>, void, undefined> {
  const { survey, limit = Infinity, signal } = scatter
  const { message, leftMs } = await scatter.ask()
  const unread: WireMessage[] = []
  let taken = 0
  let ended: WaybillError | 'time' | undefined
  let wake: (() => void) | undefined
  const finish = (end: WaybillError | 'time'): void => {
    ended ??= end
    wake?.()
  }
  const forget = scatter.replies.expect(message.id, survey.type, leftMs(), {
    reply: (wire) => {
      unread.push(wire)
      taken++
      if (unread.length > MAX_UNREAD)
        finish(new WaybillError('WAYBILL_BACKPRESSURE', `${MAX_UNREAD} replies to ${survey.type} wait to be read`))
      wake?.()
      return taken >= limit || unread.length > MAX_UNREAD
    },
    ended: (error) => finish(error.code === 'WAYBILL_REQUEST_TIMEOUT' ? 'time' : error),
  })
  const onAbort = (): void =>
    finish(new WaybillError('WAYBILL_ABORTED', `the survey ${survey.type} was aborted`, { cause: signal?.reason }))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await scatter.send(message, leftMs())
    for (let given = 0; given < limit;) {
      if (signal?.aborted === true) onAbort()
      const next = signal?.aborted === true ? undefined : unread.shift()
      if (next !== undefined) {
        given++
        yield await answerOf<Reply>(survey, next)
      } else if (ended !== undefined) {
        if (ended !== 'time') throw ended
        return
      } else {
        await new Promise<void>((resolve) => (wake = resolve))
        wake = undefined
      }
    }
  } finally {
    forget()
    signal?.removeEventListener('abort', onAbort)
  }
}

async function answerOf<Reply>(survey: AnySurvey, wire: WireMessage): Promise<SurveyReply<Reply>> {
  const from = wire.source
  try {
    return { from, ok: true, value: (await decodeReply(survey, wire)) as Reply } // validated against the reply's schema
  } catch (error) {
    return { from, ok: false, error: asError(error) }
  }
}
