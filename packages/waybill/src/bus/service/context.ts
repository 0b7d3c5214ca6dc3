import type { WireMessage } from '../../message/wire-message.ts'
import type { Sender } from '../sending/sender.ts'

/** What a handler knows of the message it handles, and the verbs that carry its correlation and trace on. */
export interface Context extends Sender {
  readonly id: string
  /** For instance `orders.placed`. */
  readonly type: string
  /** Which try this is, from 1. */
  readonly attempt: number
  /** The engine has handed it out before, so an earlier try may have had effects. */
  readonly redelivered: boolean
  readonly key: string | undefined
  /**
   * On an ordered subscription, where the engine has fencing: larger than that of every earlier owner of the key's shard in
   * this group. Write it beside what you change, and refuse to write where a larger one is: so a member that stalled and
   * was replaced meanwhile changes nothing any more. `undefined` elsewhere.
   */
  readonly fencing: number | undefined
  /** When it was made. */
  readonly time: Date
  /** The id shared by everything that one first message caused. */
  readonly correlationId: string
  /** The id of the message whose handling sent this one; of the request, in an `onReply` handler. */
  readonly causationId: string | undefined
  /** The user's own headers. */
  readonly headers: Readonly<Record<string, string>>
  /** Who sent it. */
  readonly source: string
  /** Aborts when the handler has timed out, or the bus stops waiting for it. Pass it to what you await. */
  readonly signal: AbortSignal
  /** The message as it came. */
  readonly message: WireMessage
  /** Puts the message aside with this reason; nothing after it runs. No retry follows. */
  deadLetter(reason: string): never
}

/** Thrown by `ctx.deadLetter`; known by its code, so that middleware may pass on a copy. */
export class DeadLetterRequest extends Error {
  override readonly name: string = 'DeadLetterRequest'
  readonly code: string = 'WAYBILL_DEAD_LETTERED'
}
