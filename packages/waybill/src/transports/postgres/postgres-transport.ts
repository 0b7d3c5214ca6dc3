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
import { loadDriver } from './driver.ts'
import { engineFacts } from './facts.ts'
import { Housekeeping } from './housekeeping.ts'
import { inspectGroup } from './inspection.ts'
import { Leases } from './leases.ts'
import { channelKey } from './names.ts'
import { newSubscription, type PostgresSubscription } from './new-subscription.ts'
import { Notifier } from './notifier.ts'
import { openConnection } from './open-connection.ts'
import type { PostgresAddress } from './postgres-address.ts'
import { statementError } from './postgres-errors.ts'
import { Publisher } from './publisher.ts'
import { routeFactsOf } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { Settings } from './settings.ts'
import { statementsOf } from './sql/statements.ts'
import type { Wire } from './wire.ts'
import { publishWithin } from './within-transaction.ts'

/** What ending the connections may take. */
const ENDING_MS = 1_000

export class PostgresTransport extends LinkedTransport<PostgresSubscription> {
  constructor(settings: Settings, runtime: Runtime) {
    super(runtime, (events) => new PostgresEngine(settings, runtime, events))
  }
}

/** Rows of a queue as Waybill's channels, groups and subscriptions. */
class PostgresEngine implements Engine<PostgresSubscription> {
  readonly name = 'postgres'
  readonly title = 'PostgreSQL'
  readonly #context: Context
  readonly #link: Link<PostgresAddress, Wire>
  readonly #sender: Sender
  readonly #housekeeping: Housekeeping
  /** Of the link of now. */
  #publisher: Publisher | undefined

  constructor(settings: Settings, runtime: Runtime, { up, down, trouble, emit }: EngineEvents) {
    const sql = statementsOf(settings.schema)
    const wire = (): Wire => this.#link.connection
    const notifier = new Notifier(wire, sql, runtime)
    const declarer = new Declarer(wire, sql)
    const leases = new Leases({ wire, sql, settings, runtime, notifier, emit })
    this.#context = { settings, runtime, sql, declarer, leases, notifier, wire, emit }
    this.#sender = new Sender(() => this.#requirePublisher(), declarer, runtime)
    this.#housekeeping = new Housekeeping({ wire, sql, settings, runtime, emit })
    const addresses = (): Promise<readonly PostgresAddress[]> => Promise.resolve(settings.addresses)
    this.#link = new Link(
      runtime,
      { title: this.title, addresses },
      {
        up: (opened) => {
          this.#publisher = new Publisher(opened, sql, settings.schema, notifier, runtime)
          leases.begin(opened)
          up()
        },
        down: (error) => {
          this.#publisher?.end(error)
          this.#publisher = undefined
          leases.end()
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
    const { version } = await this.#link.connect(openConnection(driver, settings, runtime), signal)
    return engineFacts(version)
  }

  begin(): void {
    this.#housekeeping.begin()
    this.#tellTrouble()
  }

  resume(): void {
    this.#tellTrouble()
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

  sendWithin(tx: unknown, batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const { sql, settings } = this.#context
    return this.#sender.sendBy(batch, (publications) => publishWithin(tx, publications, sql, settings.schema))
  }

  newSubscription(
    spec: SubscriptionSpec,
    receive: (batch: readonly Delivery[]) => void,
    closed: () => void,
  ): Promise<PostgresSubscription> {
    return newSubscription(spec, this.#context, receive, closed)
  }

  returnAddress(channel: Channel): string {
    return channelKey(channel)
  }

  routeFacts(group: Group): Promise<RouteFacts> {
    return routeFactsOf(this.#context, group)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    await visitDeadLetters(this.#context, group, visit, async (use) => {
      try {
        return await use()
      } catch (error) {
        throw error instanceof TypeError ? error : this.errorOf(error)
      }
    })
  }

  inspectGroup(group: Group): Promise<InspectedGroup> {
    return inspectGroup(this.#context, group)
  }

  standing({ attachedSince: since }: PostgresSubscription, group: InspectedGroup | undefined): Standing {
    return { since, lag: group?.lag ?? 0 }
  }

  /** The server's refusals, and a link that broke meanwhile. */
  errorOf(thrown: unknown): Error {
    return statementError(this.title, thrown)
  }

  end(): void {
    this.#housekeeping.end()
  }

  async idle(): Promise<void> {
    await this.#publisher?.idle()
    await this.#context.notifier.idle()
  }

  async close(): Promise<void> {
    this.#context.leases.end()
    await this.#link.close(ENDING_MS)
    this.#publisher?.end(closedError(this.title))
  }

  #tellTrouble(): void {
    const error = this.isUp ? this.#link.connection.trouble : undefined
    if (error !== undefined) this.#context.emit({ type: 'trouble', error })
  }

  #requirePublisher(): Publisher {
    if (this.#link.connection.isEnded || this.#publisher === undefined) throw closedError(this.title)
    return this.#publisher
  }
}
