// All connections to the brokers of one cluster, from the moment that the first one is up until one of them is lost: they
// fall together, so that nobody has to know which of its brokers is still there. A new session then takes its place.
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { shown, type BrokerAddress, type ClusterSettings } from './broker-address.ts'
import { call } from './call.ts'
import { ClusterMap, codeOfTopic, type TopicInfo } from './cluster-map.ts'
import type { API, Connection, Driver } from './driver.ts'
import { brokerError, CODE, isPassing, linkError } from './kafka-errors.ts'
import { untilSettled } from './until-settled.ts'

/** What has a coordinator of its own, by the numbers of FindCoordinator's key types. */
const KEY_TYPE = { group: 0, transaction: 1 } as const

const DEFAULT_SILENCE_MS = 20_000
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
/** Requests of one connection that are on their way: it is one pipe, and the client's own bound only adds waiting. */
const MAX_INFLIGHTS = 1_000

export class Session {
  readonly driver: Driver
  readonly runtime: Runtime
  readonly #settings: ClusterSettings
  readonly #lost: (error: Error) => void
  readonly #connections = new Set<Connection>()
  readonly #shared = new Map<string, Promise<Connection>>()
  readonly #map = new ClusterMap()
  /** Called once; as many as there are waits and subscriptions at a time. */
  readonly #enders = new Set<(error: WaybillError) => void>()
  #control: Connection | undefined
  #probe: Timer | undefined
  #fault: WaybillError | undefined

  constructor(driver: Driver, settings: ClusterSettings, runtime: Runtime, lost: (error: Error) => void) {
    this.driver = driver
    this.runtime = runtime
    this.#settings = settings
    this.#lost = lost
  }

  /** Reaches one broker of the cluster, the first of the addresses that answers. */
  async open(address: BrokerAddress, signal: AbortSignal): Promise<void> {
    const abort = (): void => this.end(linkError(signal.reason, shown(address)))
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      this.#control = await this.#connect(address)
      await this.#learn([])
      signal.throwIfAborted()
      if (this.#fault !== undefined) throw this.#fault
    } catch (error) {
      this.end(linkError(error, shown(address)))
      throw this.#fault ?? error
    } finally {
      signal.removeEventListener('abort', abort)
    }
    this.#watch()
  }

  /** Why it has ended. */
  get fault(): WaybillError | undefined {
    return this.#fault
  }

  get anyBroker(): number {
    return this.#map.brokers.keys().next().value ?? 0
  }

  /** For whatever any broker answers. */
  get control(): Connection {
    if (this.#fault !== undefined) throw this.#fault
    return this.#control as Connection // since open()
  }

  /** The connection of that use to the broker, made when first asked for. What waits long at the broker has one of its own. */
  async broker(id: number, use: string): Promise<Connection> {
    const key = `${id} ${use}`
    const known = this.#shared.get(key)
    if (known !== undefined) return await known
    const connection = this.connect(id)
    this.#shared.set(key, connection)
    try {
      return await connection
    } catch (error) {
      this.#shared.delete(key)
      throw error
    }
  }

  /** Where the brokers of the cluster are reached from here. */
  get addresses(): readonly BrokerAddress[] {
    return [...this.#map.brokers.values()].map((address) => this.#settings.reach?.(address) ?? address)
  }

  /**
   * `undefined` while it cannot be reached: a broker that has died leads and coordinates nothing in a moment.
   *
   * @param use `own`: a connection for the caller alone
   */
  async reach(id: number, use: string): Promise<Connection | undefined> {
    try {
      return await (use === 'own' ? this.connect(id) : this.broker(id, use))
    } catch {
      // The end of the session is told; anything else is the broker's, and tried again.
      if (this.#fault !== undefined) throw this.#fault
      return undefined
    }
  }

  /** A connection for the caller alone, to be given back with `release`. */
  async connect(id: number): Promise<Connection> {
    const advertised = this.#map.brokers.get(id)
    if (advertised === undefined) throw new WaybillError('WAYBILL_NOT_CONNECTED', `broker ${id} is not known`)
    return await this.#connect(this.#settings.reach?.(advertised) ?? advertised)
  }

  release(connection: Connection): void {
    this.#connections.delete(connection)
    connection.close(() => undefined)
  }

  /** A request to the coordinator of a group or of a transactional id; it is looked for again when it has moved. */
  async coordinated<Arguments extends unknown[], Answer>(
    kind: keyof typeof KEY_TYPE,
    key: string,
    api: API<Arguments, Answer>,
    codeOf: (answer: Exclude<Answer, boolean>) => number,
    ...args: Arguments
  ): Promise<Exclude<Answer, boolean>> {
    const answered = await untilSettled(
      this,
      async () => {
        const connection = await this.reach(await this.#coordinator(kind, key), 'coordination')
        return connection === undefined ? undefined : await call(connection, api, ...args)
      },
      (answer) => {
        const code = answer === undefined ? CODE.notCoordinator : codeOf(answer)
        if (isPassing(code)) this.#map.coordinators.delete(`${kind} ${key}`)
        return code
      },
    )
    if (answered !== undefined) return answered
    throw new WaybillError('WAYBILL_NOT_CONNECTED', `the coordinator of ${kind} ${key} cannot be reached`)
  }

  /** The topic, `undefined` when there is none. Remembered until `forget`. */
  async topic(name: string): Promise<TopicInfo | undefined> {
    return this.#map.topics.get(name) ?? (await this.topics([name])).get(name)
  }

  /** Asks anew, and waits until each topic that exists has its leaders. */
  async topics(names: readonly string[]): Promise<ReadonlyMap<string, TopicInfo>> {
    await untilSettled(
      this,
      () => this.#learn(names),
      ({ topics }) => topics.map(codeOfTopic).find(isPassing) ?? CODE.none,
    )
    const found = new Map<string, TopicInfo>()
    for (const name of names) {
      const topic = this.#map.topics.get(name)
      if (topic !== undefined) found.set(name, topic)
    }
    return found
  }

  knownTopic(name: string): TopicInfo | undefined {
    return this.#map.topics.get(name)
  }

  /** A leader has moved, or the topic is gone. */
  forget(name: string): void {
    this.#map.topics.delete(name)
  }

  /** Calls `fn` once it ends, unless the returned function is called before. */
  onEnd(fn: (error: WaybillError) => void): () => void {
    if (this.#fault !== undefined) fn(this.#fault)
    else this.#enders.add(fn)
    return () => void this.#enders.delete(fn)
  }

  /** Ends all connections at once; with a reason, whoever uses it is told. */
  end(reason?: Error): void {
    if (this.#fault !== undefined) return
    const why = reason ?? new WaybillError('WAYBILL_CLOSED', 'the Kafka transport has been closed')
    this.#fault = why instanceof WaybillError ? why : linkError(why, 'Kafka')
    this.#probe?.cancel()
    // The client answers requests on their way when their connection closes.
    for (const connection of this.#connections) connection.socket.destroy()
    this.#connections.clear()
    for (const ender of this.#enders) ender(this.#fault)
    this.#enders.clear()
    if (reason !== undefined) this.#lost(this.#fault)
  }

  destroy(): void {
    this.end()
  }

  async #connect(address: BrokerAddress): Promise<Connection> {
    if (this.#fault !== undefined) throw this.#fault
    const { options } = this.#settings
    const connection = new this.driver.Connection(options.clientId ?? 'waybill', {
      connectTimeout: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      // Beyond it the client could no longer tell which answer is whose.
      requestTimeout: 3 * (options.silenceMs ?? DEFAULT_SILENCE_MS),
      maxInflights: MAX_INFLIGHTS,
      ...(options.tls === undefined || options.tls === false ? {} : { tls: options.tls === true ? {} : options.tls }),
      ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
      tlsServerName: (typeof options.tls === 'object' ? options.tls.servername : undefined) ?? isName(address.host),
    })
    const fail = (cause?: Error): void => {
      if (this.#connections.has(connection))
        this.end(linkError(cause ?? new Error('the connection was closed'), shown(address)))
    }
    connection.on('error', fail)
    connection.on('close', () => fail())
    try {
      await connection.connect(address.host, address.port)
    } catch (error) {
      connection.socket.destroy()
      throw linkError(error, shown(address))
    }
    if (this.#fault !== undefined) {
      connection.socket.destroy()
      throw this.#fault
    }
    this.#connections.add(connection)
    return connection
  }

  /** Metadata of these topics, and of all brokers. */
  async #learn(names: readonly string[]) {
    const answer = await call(this.control, this.driver.metadataV12.api, [...names], false, false)
    this.#map.learn(answer)
    return answer
  }

  async #coordinator(kind: keyof typeof KEY_TYPE, key: string): Promise<number> {
    const known = this.#map.coordinators.get(`${kind} ${key}`)
    if (known !== undefined) return known
    const answer = await untilSettled(
      this,
      () => call(this.control, this.driver.findCoordinatorV4.api, KEY_TYPE[kind], [key]),
      ({ coordinators }) => coordinators[0]?.errorCode ?? CODE.none,
    )
    const [found] = answer.coordinators
    if (found === undefined || found.errorCode !== CODE.none)
      throw brokerError(found?.errorCode ?? -1, `no coordinator of ${kind} ${key}`, found?.errorMessage)
    this.#map.brokers.set(found.nodeId, { host: found.host, port: found.port })
    this.#map.coordinators.set(`${kind} ${key}`, found.nodeId)
    return found.nodeId
  }

  /** Asks the broker something cheap every now and then: a half-open connection gives no other sign. */
  #watch(): void {
    const silenceMs = this.#settings.options.silenceMs ?? DEFAULT_SILENCE_MS
    this.#probe = this.runtime.setTimer(silenceMs / 2, () => {
      if (this.#fault !== undefined) return
      this.#probe = this.runtime.setTimer(silenceMs / 2, () =>
        this.end(new WaybillError('WAYBILL_NOT_CONNECTED', `the broker has been silent for ${silenceMs} ms`)),
      )
      call(this.control, this.driver.apiVersionsV3.api, 'waybill', '1').then(
        () => {
          this.#probe?.cancel()
          if (this.#fault === undefined) this.#watch()
        },
        (error: unknown) => this.end(asError(error)),
      )
    })
  }
}

/** TLS sends names, never addresses, as the server's name. */
function isName(host: string): boolean {
  return !/^[\d.]+$/.test(host) && !host.includes(':')
}
