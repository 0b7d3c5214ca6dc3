// What is an engine's own, inside the shell that all transports with a link have in common (linked-transport.ts). The shell
// has checked what it hands on, and hands on nothing while the transport is not open.
import type { WaybillError } from '../message/errors.ts'
import type { Channel } from './channel.ts'
import type { DeadLetterVisit } from './dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from './engine-facts.ts'
import type { LinkedSubscription } from './linked-subscription.ts'
import type { TransportEvent } from './transport-event.ts'
import type {
  Delivery,
  Group,
  GroupSnapshot,
  Outgoing,
  SendResult,
  Subscription,
  SubscriptionSnapshot,
  SubscriptionSpec,
} from './transport.ts'

/** What an engine tells its transport. */
export interface EngineEvents {
  /** The link is up, at connect or again. */
  readonly up: () => void
  readonly down: (error: Error) => void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  readonly trouble: (error: Error) => void
  /** Whatever else it has to report. */
  readonly emit: (event: TransportEvent) => void
}

/** What the shell asks of a subscription. */
export interface EngineSubscription extends Subscription, Pick<LinkedSubscription, 'linkUp' | 'linkDown'> {
  /** Called once. Resolves when the engine hands out to it. */
  start(): Promise<void>
}

/** What the engine says of a group now. */
export interface InspectedGroup {
  readonly snapshot: GroupSnapshot
  /** Messages of the group that nobody has settled. */
  readonly lag: number
}

export type Standing = Pick<SubscriptionSnapshot, 'since' | 'lag'>

/**
 * @typeParam S its subscriptions
 * @typeParam G what it says of a group, with what it needs to know to say how a subscription stands
 */
export interface Engine<S extends EngineSubscription = EngineSubscription, G extends InspectedGroup = InspectedGroup> {
  /** `Transport.name` */
  readonly name: string
  /** What errors call it: `Redis`. */
  readonly title: string
  /** There is a link. */
  readonly isUp: boolean
  /** Rejects soon after `signal` has aborted, or `close` was called. May be called again when it has rejected. */
  connect(signal: AbortSignal): Promise<EngineFacts>
  /** The transport is open: what it does of its own accord begins. */
  begin?(): void
  /** The link is up again: declares again what must be there, before anybody is told. */
  restore?(): Promise<void>
  /** The link is up again, and that has been told. Subscriptions follow. */
  resume?(): void

  declareChannel(channel: Channel): Promise<void>
  declareGroup(group: Group): Promise<void>
  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]>
  sendWithin?(tx: unknown, batch: readonly Outgoing[]): Promise<readonly SendResult[]>
  /** @param closed is called once nothing is left of it */
  newSubscription(
    spec: SubscriptionSpec,
    receive: (batch: readonly Delivery[]) => void,
    closed: () => void,
  ): S | Promise<S>
  /** Of a durable `reply` channel. */
  returnAddress(channel: Channel): string
  routeFacts(group: Group): Promise<RouteFacts>
  visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void>
  inspectGroup(group: Group): Promise<G>
  /** @param group what was said of its group; `undefined` where that was not asked, as of a transient one */
  standing(subscription: S, group: G | undefined): Standing | Promise<Standing>

  /** What its client throws, as an error of Waybill's, where not all of it is that already. */
  errorOf?(thrown: unknown): unknown
  /** The transport closes: nothing more is done of its own accord. @param closed for who still waits */
  end?(closed: WaybillError): void
  /** Resolves when what was handed over has its answer. Called once subscriptions are closed; not waited for for ever. */
  idle?(): Promise<void>
  /** Ends the link. @param leftMs of what `Transport.close` was given */
  close(leftMs: number): Promise<void>
}
