// What the suite asks of a runner and of an engine. An author of a transport writes this much, and no more.
import type { WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Group, Topology, Transport } from '../transport/transport.ts'

export interface ConformanceOptions {
  /**
   * Registers one clause with a test runner: `test` of vitest, node:test, mocha ... A clause that fails rejects.
   *
   * A clause has channels, groups and members of its own, so several may run at a time on one engine: most of it is waiting.
   * One that is to be `alone` disturbs the whole engine, or takes long by its nature.
   */
  readonly test: (title: string, run: () => Promise<void>, how: { readonly alone: boolean }) => unknown
  /**
   * A fresh transport, not connected, with a link of its own to the engine that all others of this suite reach. Called
   * several times in a clause: each is a member, as a process of its own would be.
   */
  readonly createTransport: () => Promise<TransportUnderTest>
  readonly faults: Faults
  /**
   * The messages that lie in the group's dead-letter queue now, oldest first. They may be taken out or left there. The
   * seam only counts them: reading is a tool's business, and differs by engine.
   */
  readonly readDeadLetters: Possible<(group: Group) => Promise<readonly WireMessage[]>>
  /** Makes an entity as an ordinary client would, that one reader may consume, and answers its name. */
  readonly makeForeignQueue: Possible<() => Promise<string>>
  /** Registers a clause that cannot run, with the reason. Default: a test titled `<title> (skipped: <reason>)` that passes. */
  readonly skip?: (title: string, reason: string) => unknown
  /** Removes what a clause left on an engine that others use too. */
  readonly cleanUp?: (left: Topology) => Promise<void>
  /** Which clauses; default all. */
  readonly select?: (clause: { readonly title: string; readonly long: boolean }) => boolean
  /** Default: the system's clock. The suite waits for conditions; a virtual clock has to be advanced by the harness. */
  readonly runtime?: Runtime
  /** Longest wait for one condition. Default 20,000 ms: an engine under load may take seconds to notice a dead member. */
  readonly patienceMs?: number
}

export interface TransportUnderTest {
  readonly transport: Transport
  /** Closes it, in whatever state it is, and frees what belongs to it alone, such as a proxy's port. */
  readonly dispose: () => Promise<void>
}

/** Something a harness can do, or the reason why it cannot. */
export type Possible<Action> = Action | { readonly cannot: string }

/** A fault of one member's link. It lasts until `heal`, which lets the transport find its engine again. */
export type LinkFault = Possible<(transport: Transport) => Promise<void>>

/** What can be done to the engine and to the links of its members. */
export interface Faults {
  /** The connection is gone, noticed by both sides, and none can be made. */
  readonly cut: LinkFault
  /** The connection stays and no byte passes, either way. */
  readonly stall: LinkFault
  /** The engine's side of the connection has vanished, and the member is not told. */
  readonly halfOpen: LinkFault
  /** Bytes trickle: 100 KiB a second, or 50 ms for each step. */
  readonly slow: LinkFault
  /** Ends `cut`, `stall`, `halfOpen` and `slow`. */
  readonly heal: LinkFault
  /** The member is gone as after kill -9: its link is dropped, not closed, and never comes back. */
  readonly crash: LinkFault
  /** Ends the broker as kill -9 does, all links with it, and starts it again on its store. Resolves when it can be reached. */
  readonly restartBroker: Possible<() => Promise<void>>
  /** The broker holds publishers back, as when it is short of memory or disk, or lets them go on. */
  readonly block: Possible<(blocked: boolean) => Promise<void>>
  /**
   * The engine no longer counts the group's members as attached, though their links are well: as after an operator's hand,
   * a change of leader or a bug. Without a word to them where that can be had. Default: the harness does not know how.
   */
  readonly dropConsumers?: Possible<(group: Group) => Promise<void>>
}

export type FaultName = keyof Faults

/** Why the harness cannot do it; `undefined` when it can. */
export function impossible(action: Possible<(...args: never[]) => unknown> | undefined): string | undefined {
  if (action === undefined) return 'the harness does not know how'
  return typeof action === 'function' ? undefined : action.cannot
}
