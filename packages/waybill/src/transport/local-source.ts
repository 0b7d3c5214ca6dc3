import type { WireMessage } from '../message/wire-message.ts'
import type { LocalDelivery } from './local-delivery.ts'
import type { Reject } from './local-queue.ts'

/**
 * An engine's part of a {@link LocalSubscription}: what there is from one attachment to the next, for instance how far it has
 * been read.
 */
export interface LocalSource {
  /** The return address, on a `reply` channel. */
  readonly address: string | undefined
  /** Whether messages may be missed while it is not attached. One that goes on where it was says `false`. */
  readonly hasGaps: boolean
  /**
   * What there will be of it for one life, on the link of now. Asks nothing of anybody yet.
   *
   * @throws {WaybillError} WAYBILL_NOT_CONNECTED while the link is down
   */
  attachment(intake: Intake): LocalAttachment
}

/**
 * An engine's part of one time that a subscription is attached. It needs no state for what may come between: `begin` is called
 * first, once; `freed` only after it, and until the end; `leave` at most once, after `begin` has succeeded, while the link is up;
 * `end` last, once, in every case, and never while `begin` is under way.
 */
export interface LocalAttachment {
  /** Resolves when what is sent from now on comes; it may come before. */
  begin(): Promise<void>
  /** There is room, for the first time or again: who fetches, fetches. */
  freed(): void
  /** What becomes of what is rejected. Nothing, where it is absent: its owner knows that it failed. */
  rejected?(delivery: LocalDelivery, reject: Reject): void
  /** The server is to forget it. What fails goes by itself: nothing of it is there to stay. */
  leave(): Promise<void>
  /** Lets go of everything in this process, at once. */
  end(): void
}

/** Where one attachment puts what comes. When that is over, or the subscription is being closed, all of it does nothing. */
export interface Intake {
  readonly isOpen: boolean
  /** How many deliveries may come, `ahead` of them beyond what could be handed out at once. */
  room(ahead?: number): number
  /** Takes in what was asked for, within the room. */
  add(message: WireMessage, shard: number, position?: string): void
  /** Takes in what was not asked for, where it is a message. What does not fit is dropped unread, and that is said. */
  offer(read: () => WireMessage | undefined, shard: number): void
  /** Messages were missed though it was attached. */
  gap(): void
  /** The server no longer delivers, and the link is well: it is attached anew. */
  lost(error: unknown): void
}
