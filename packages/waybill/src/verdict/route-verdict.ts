// What is promised for the messages of one route, as data: a closed shape without functions, Infinity or undefined, so that
// JSON.stringify keeps all of it.
import type { ErrorCode } from '../message/error-codes.ts'
import type { MessageKind } from '../message/kind.ts'
import type { Limit, Support } from '../transport/engine-facts.ts'

/** A number, and how it is known: `read` from the engine, `told` by configuration, `assumed` from documentation. `null`: no limit. */
export interface Known {
  readonly value: number | null
  readonly source: Limit['source']
}

/** What the loss of a server costs of the messages that it had accepted. */
export interface Loss {
  /**
   * - `none`: nothing
   * - `power-loss`: the death of the server process nothing; a loss of power of its machine the newest, up to `upToMs`
   * - `server-death`: everything that was not handled
   * - `absence`: nothing is kept for an instance that is not there
   * - `absence-or-slowness`: nor for one that is too slow
   */
  readonly window: 'none' | 'power-loss' | 'server-death' | 'absence' | 'absence-or-slowness'
  /** Of `power-loss`, in milliseconds; its value is `null` where the engine does not say. Otherwise `null`. */
  readonly upToMs: Known | null
  readonly source: Limit['source']
}

/**
 * What becomes of a message that cannot be handled. `dead-letter`: it is kept with its history. `asker-told`: who asked has
 * the error, and nothing is kept. `dropped`: nothing is kept.
 */
export type LastResort = 'dead-letter' | 'asker-told' | 'dropped'

/**
 * Something that cannot be kept. `refused`: the bus does not start. `warning`: it starts, and logs it.
 */
export interface Problem {
  readonly level: 'refused' | 'warning'
  readonly code: ErrorCode
  readonly what: string
  readonly cure: string
}

/** What is promised to one handler: of this message, in this group, on this engine. */
export interface RouteVerdict {
  /** All of it in one line: `orders.placed → shipping: at least once, …`. */
  readonly statement: string
  /** The message's type; of a reply handler that of the request. */
  readonly message: string
  readonly kind: MessageKind
  readonly channel: string
  readonly service: string
  readonly group: string
  readonly delivery: {
    /** `effectively-once`: what the handler writes with `ctx.tx`, and what it sends, is applied once. */
    readonly guarantee: 'effectively-once' | 'at-least-once' | 'at-most-once'
    readonly why: string
    /** Of `effectively-once`: how long the inbox remembers at least, in milliseconds. */
    readonly rememberedMs?: number
  }
  readonly loss: Loss
  /** Servers that have a message when it is accepted. */
  readonly copies: Known
  /** `per-key`: first successful handlings follow the publishing order of each key, through failures. */
  readonly order: { readonly kept: 'none' | 'per-key'; readonly shards: number; readonly by: Support }
  readonly retry: {
    /** Tries in all, the first included. */
    readonly attempts: number
    /** Milliseconds waited between them in all: jitter makes it a range. */
    readonly waitsMs: { readonly least: number; readonly most: number }
    /** Who waits until a try is due. */
    readonly by: Support
    readonly lastResort: LastResort
  }
  /** Milliseconds after which a handler's signal aborts. */
  readonly timeoutMs: number
  /** `token`: each delivery carries a number by which the writes of a former owner can be refused. */
  readonly fencing: 'token' | 'none'
  /** Who sees to it that an expired message is not handled. */
  readonly expiry: Support
  /** A type that no handler of the subscription knows, and a version that this one does not know. */
  readonly unknown: { readonly types: LastResort | 'skip'; readonly versions: LastResort | 'skip' }
  /**
   * How a second delivery of one message can be told: `marked` as such, by its id alone (`unmarked`), or there is `none`. A
   * send that was repeated after a lost link has the same id, and no mark.
   */
  readonly redelivery: 'marked' | 'unmarked' | 'none'
  /** Deliveries without settlement after which it is put aside; `null`: nobody counts them. */
  readonly poisonAfter: number | null
  /** At most until what a crashed member held is handed out again. `null`: not known. */
  readonly redeliveredWithinMs: Known | null
  /** When the engine drops messages by itself, handled or not: by age, and by size. */
  readonly retention: { readonly ms: Known; readonly bytes: Known }
  readonly limits: {
    /** Deliveries after which the engine itself gives up. */
    readonly deliveries: Known
    /** How long the engine lets a delivery be unsettled. */
    readonly settleWithinMs: Known
    readonly delayMs: Known
    readonly messageBytes: Known
  }
  readonly problems: readonly Problem[]
  /** What is assumed, or may surprise: short sentences. */
  readonly notes: readonly string[]
}

/** What is promised to who sends one message. */
export interface SendVerdict {
  readonly statement: string
  readonly message: string
  readonly kind: MessageKind
  readonly channel: string
  /**
   * What the engine has done when a send resolves; `nothing` where it has no confirms, `unknown` while the channel does not
   * exist.
   */
  readonly confirmed: 'synced' | 'written' | 'memory' | 'nothing' | 'unknown'
  /** `null` while the channel does not exist. */
  readonly loss: Loss | null
  readonly copies: Known | null
  /** What becomes of a message that nobody can receive. */
  readonly withoutRecipient: 'refused' | 'forgotten' | 'kept'
  /** Milliseconds without a confirm after which a send rejects, its outcome unknown. Until then it is repeated with the same id. */
  readonly unknownAfterMs: number
  /** How long `request` or `scatter` waits for replies; `null` where there are none. */
  readonly repliesWithinMs: number | null
  /** `delayMs`: of the engine alone. */
  readonly limits: { readonly messageBytes: Known; readonly delayMs: Known }
  /**
   * Who sees to it that what is sent with `bus.in(tx)` is sent if and only if `tx` commits: the store of this name, or `engine`,
   * which is the database itself. Absent: nobody.
   */
  readonly transaction?: string
  /** The store that keeps a schedule until it is due, however far away. Absent: there is none, or nothing to schedule. */
  readonly scheduled?: string
  /** The store that keeps a delay longer than the engine's own longest, in milliseconds; 0: every one. Absent: it would be refused, or there is none. */
  readonly delayed?: { readonly by: string; readonly beyondMs: number }
  readonly problems: readonly Problem[]
  readonly notes: readonly string[]
}

/** What a bus promises, sorted by names: what handlers are promised, and what senders are. */
export interface Verdicts {
  /** Of this shape. */
  readonly format: 1
  readonly engine: string
  readonly routes: readonly RouteVerdict[]
  readonly sends: readonly SendVerdict[]
}
