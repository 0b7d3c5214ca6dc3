import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Engine, EngineEvents, InspectedGroup, Standing } from '../../transport/engine.ts'
import { closedError } from '../../transport/link-errors.ts'
import { Link } from '../../transport/link.ts'
import { LinkedTransport } from '../../transport/linked-transport.ts'
import type { Delivery, Group, Outgoing, SendResult, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { visitDeadLetters } from './dead-letters.ts'
import { Declarer } from './declarer.ts'
import { Delays } from './delays.ts'
import { loadDriver } from './driver.ts'
import { engineFacts } from './facts.ts'
import { inspectGroup } from './inspection.ts'
import { Names } from './names.ts'
import type { NatsAddress } from './nats-address.ts'
import { newSubscription, type NatsSubscription } from './new-subscription.ts'
import { openConnection } from './open-connection.ts'
import { routeFactsOf } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { Settings } from './settings.ts'
import { Trim } from './trim.ts'
import type { Wire } from './wire.ts'

/** What ending the connection may take. */
const ENDING_MS = 1_000

export class NatsTransport extends LinkedTransport<NatsSubscription> {
  constructor(settings: Settings, runtime: Runtime) {
    super(runtime, (events) => new NatsEngine(settings, runtime, events))
  }
}

/** Streams, consumers and core NATS as Waybill's channels, groups and subscriptions. */
class NatsEngine implements Engine<NatsSubscription> {
  readonly name = 'nats'
  readonly title = 'NATS'
  readonly #context: Context
  readonly #link: Link<NatsAddress, Wire>
  readonly #sender: Sender
  readonly #trim: Trim

  constructor(settings: Settings, runtime: Runtime, { up, down, trouble, emit }: EngineEvents) {
    const names = new Names(settings.prefix)
    const wire = (): Wire => this.#link.connection
    const declarer = new Declarer(wire, names, settings, runtime)
    const delays = new Delays({ wire, names, declarer, runtime, emit })
    this.#context = { settings, names, runtime, declarer, delays, wire, emit }
    this.#sender = new Sender(this.#context)
    this.#trim = new Trim({ wire, names, settings, declarer, runtime, emit })
    const addresses = (): Promise<readonly NatsAddress[]> => Promise.resolve(settings.addresses)
    this.#link = new Link(
      runtime,
      { title: this.title, addresses },
      {
        up,
        down: (error, { publisher }) => {
          publisher.end(error)
          this.#sender.linkLost()
          delays.linkDown()
          down(error)
        },
        trouble,
      },
    )
  }

  get isUp(): boolean {
    return this.#link.isUp
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    const { settings, runtime, emit } = this.#context
    const driver = await loadDriver()
    signal.throwIfAborted()
    const open = openConnection(driver, settings, runtime, (error) => emit({ type: 'error', error }))
    const { info } = (await this.#link.connect(open, signal)).connection
    return engineFacts(info?.version ?? '', info?.max_payload ?? 0)
  }

  begin(): void {
    this.#trim.begin()
  }

  async restore(): Promise<void> {
    await this.#context.declarer.again()
  }

  resume(): void {
    this.#context.delays.linkUp()
  }

  async declareChannel(channel: Channel): Promise<void> {
    await this.#context.declarer.channel(channel)
  }

  async declareGroup(group: Group): Promise<void> {
    await this.#context.declarer.group(group)
  }

  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    return this.#sender.send(batch)
  }

  newSubscription(
    spec: SubscriptionSpec,
    receive: (batch: readonly Delivery[]) => void,
    closed: () => void,
  ): NatsSubscription {
    return newSubscription(spec, this.#context, receive, closed)
  }

  returnAddress(channel: Channel): string {
    return this.#context.names.replies(channel)
  }

  routeFacts(group: Group): Promise<RouteFacts> {
    return routeFactsOf(this.#context, group)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    await visitDeadLetters(this.#context, group, visit)
  }

  inspectGroup(group: Group): Promise<InspectedGroup> {
    return inspectGroup(this.#context, group)
  }

  standing({ attachedSince: since }: NatsSubscription, group: InspectedGroup | undefined): Standing {
    return { since, lag: group?.lag ?? 0 }
  }

  end(): void {
    this.#trim.end()
  }

  async idle(): Promise<void> {
    if (this.isUp) await this.#link.connection.publisher.idle()
    await this.#context.delays.close()
  }

  async close(): Promise<void> {
    const wire = this.isUp ? this.#link.connection : undefined
    this.#context.delays.linkDown()
    await this.#link.close(ENDING_MS)
    wire?.publisher.end(closedError(this.title))
  }
}
