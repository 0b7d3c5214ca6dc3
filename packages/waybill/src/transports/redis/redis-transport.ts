import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Engine, EngineEvents, InspectedGroup, Standing } from '../../transport/engine.ts'
import { Link } from '../../transport/link.ts'
import { LinkedTransport } from '../../transport/linked-transport.ts'
import type { Delivery, Group, Outgoing, SendResult, SubscriptionSpec } from '../../transport/transport.ts'
import { Bell } from './bell.ts'
import type { Connection } from './connection.ts'
import type { Context } from './context.ts'
import { visitDeadLetters } from './dead-letters.ts'
import { Declarer } from './declarer.ts'
import { loadDriver } from './driver.ts'
import { engineFacts, SIGNAL_FACTS } from './facts.ts'
import { inspectGroup } from './inspection.ts'
import { Later } from './later.ts'
import { Names } from './names.ts'
import { newSubscription, type RedisSubscription } from './new-subscription.ts'
import { openConnection } from './open-connection.ts'
import { Published } from './published.ts'
import type { RedisAddress } from './redis-address.ts'
import { routeFactsOf } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { Settings } from './settings.ts'
import { Trim } from './trim.ts'

/** What ending the connections may take. */
const ENDING_MS = 1_000

export class RedisTransport extends LinkedTransport<RedisSubscription> {
  constructor(settings: Settings, runtime: Runtime) {
    super(runtime, (events) => new RedisEngine(settings, runtime, events))
  }
}

/** Streams and consumer groups as Waybill's channels, groups and subscriptions. */
class RedisEngine implements Engine<RedisSubscription> {
  readonly name = 'redis'
  readonly title = 'Redis'
  readonly #context: Context
  readonly #link: Link<RedisAddress, Connection>
  readonly #sender: Sender
  readonly #trim: Trim

  constructor(settings: Settings, runtime: Runtime, { up, down, trouble, emit }: EngineEvents) {
    const names = new Names(settings.prefix)
    const connection = (): Connection => this.#link.connection
    const declarer = new Declarer(connection, names)
    const bell = new Bell(runtime, connection)
    const later = new Later({ connection, names, runtime, bell, emit })
    const published = new Published(connection)
    this.#context = { settings, names, runtime, declarer, bell, later, published, connection, emit }
    this.#sender = new Sender(this.#context)
    this.#trim = new Trim(this.#context)
    const addresses = (): Promise<readonly RedisAddress[]> => Promise.resolve(settings.addresses)
    this.#link = new Link(
      runtime,
      { title: this.title, addresses },
      {
        up,
        down: (error) => {
          bell.reset()
          later.linkDown()
          published.reset()
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
    const { settings, runtime } = this.#context
    const driver = await loadDriver()
    signal.throwIfAborted()
    const { info } = await this.#link.connect(openConnection(driver, settings, runtime), signal)
    return engineFacts(info.get('redis_version') ?? '', settings.maxMessageBytes)
  }

  begin(): void {
    this.#trim.begin()
  }

  async restore(): Promise<void> {
    await this.#context.declarer.again()
  }

  resume(): void {
    this.#context.later.linkUp()
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
  ): RedisSubscription {
    return newSubscription(spec, this.#context, receive, closed)
  }

  returnAddress(channel: Channel): string {
    return this.#context.names.base(channel)
  }

  async routeFacts({ channel }: Group): Promise<RouteFacts> {
    return channel.kind === 'signals' ? SIGNAL_FACTS : await routeFactsOf(this.#context)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    await visitDeadLetters(this.#context, group, visit)
  }

  inspectGroup(group: Group): Promise<InspectedGroup> {
    return inspectGroup(this.#context, group)
  }

  standing({ attachedSince: since }: RedisSubscription, group: InspectedGroup | undefined): Standing {
    return { since, lag: group?.lag ?? 0 }
  }

  end(): void {
    this.#trim.end()
    this.#context.later.end()
  }

  /** The server answers in order: what was sent before has its answer when this has. */
  async idle(): Promise<void> {
    if (this.isUp) await this.#link.connection.command('PING').catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#context.published.reset()
    await this.#link.close(ENDING_MS)
  }
}
