import type { RedisClientOptions } from '@redis/client'
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Driver } from './driver.ts'
import { endOf } from './ending.ts'
import { Pings, silentError, silentMs } from './pings.ts'
import type { RedisAddress } from './redis-address.ts'
import { answerError, isOfAnotherServer } from './redis-errors.ts'
import { SCRIPTS, type ScriptName } from './scripts/scripts.ts'
import type { Settings } from './settings.ts'
import { Subscriber, type PubSubClient } from './subscriber.ts'

/** What the server answers: strings are bytes. */
export type Reply = Buffer | string | number | null | readonly Reply[]

type Argument = string | Buffer

interface Client {
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: () => void): unknown
  readonly isOpen: boolean
}

/** From here on scripts may look at the clock and write, and groups know how far they lag. */
const OLDEST_MAJOR = 7

/**
 * Two connections to one server: one for commands, which the server answers in order, and one on which the bell waits. They live
 * once, and go together. A third one is made where somebody listens to what is published.
 *
 * The client's own recovery is not used: it would keep what was sent while the link was down, and send it again after we have
 * said that its outcome is unknown.
 */
export class Connection {
  readonly #runtime: Runtime
  readonly #driver: Driver
  readonly #commands: Client
  readonly #waiting: Client
  readonly #lost: (error: Error) => void
  readonly #pings: Pings
  readonly #pingIntervalMs: number
  readonly #newClient: () => Client & PubSubClient
  readonly #ends: readonly (() => void)[]
  #error: Error | undefined
  #subscriber: Subscriber | undefined
  #waitsAs = ''
  /** What `INFO` says. */
  info: ReadonlyMap<string, string> = new Map()

  /** @param lost is called once, when it ends otherwise than by `destroy` */
  constructor(
    driver: Driver,
    address: RedisAddress,
    settings: Settings,
    runtime: Runtime,
    lost: (error: Error) => void,
  ) {
    this.#driver = driver
    this.#runtime = runtime
    this.#lost = lost
    this.#pingIntervalMs = settings.pingIntervalMs
    this.#newClient = () => driver.createClient(clientOptions(driver, address, settings))
    this.#commands = this.#newClient()
    this.#waiting = this.#newClient()
    this.#pings = new Pings(runtime, this.#pingIntervalMs, () => this.#commands.sendCommand(['PING']), (error) => this.#end(error)) // prettier-ignore
    const clients = [this.#commands, this.#waiting]
    for (const client of clients) client.on('error', (error) => this.#end(error))
    this.#ends = clients.map(endOf)
  }

  get isClosed(): boolean {
    return this.#error !== undefined
  }

  /** Resolves when the server is known to be one that can be written to, and has the scripts. */
  async open(): Promise<void> {
    await Promise.all([this.#commands.connect(), this.#waiting.connect()])
    this.info = infoIn(text(await this.command('INFO')))
    const version = this.info.get('redis_version') ?? ''
    if (Number.parseInt(version, 10) < OLDEST_MAJOR)
      throw new WaybillError('WAYBILL_UNSUPPORTED', `the server is Redis ${version}`, { cure: 'Use Redis 7 or later.' })
    if (this.info.get('role') !== 'master')
      throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the server is a replica, which takes no writes')
    this.#waitsAs = String(await this.#waiting.sendCommand(['CLIENT', 'ID']))
    await Promise.all(Object.values(SCRIPTS).map(({ source }) => this.command('SCRIPT', 'LOAD', source)))
    this.#pings.begin()
  }

  /**
   * Runs a script on the keys of one channel.
   *
   * @throws {WaybillError} WAYBILL_OUTCOME_UNKNOWN when the link broke first; what the server answered otherwise
   */
  async run(script: ScriptName, key: string, args: readonly (Argument | number)[]): Promise<readonly Reply[]> {
    const rest = args.map((each) => (typeof each === 'number' ? String(each) : each))
    return (await this.#send(script, ['EVALSHA', SCRIPTS[script].sha, '1', key, ...rest])) as readonly Reply[] // all answer so
  }

  async command(...args: readonly Argument[]): Promise<Reply> {
    return await this.#send(String(args[0]), args)
  }

  /**
   * XREAD, on the connection that may wait. `null` when nothing came in time. The server answers after `waitMs` at the latest:
   * else that connection is dead, and so are both.
   */
  async wait(waitMs: number, ...args: readonly Argument[]): Promise<Reply> {
    const late = this.#runtime.setTimer(waitMs + silentMs(this.#pingIntervalMs), () =>
      this.#end(silentError(this.#pingIntervalMs)),
    )
    try {
      return (await this.#waiting.sendCommand(['XREAD', 'BLOCK', String(waitMs), ...args])) as Reply
    } catch (thrown) {
      throw this.#failure('XREAD', asError(thrown))
    } finally {
      late.cancel()
    }
  }

  /** Ends that wait, if there is one. */
  async unblock(): Promise<void> {
    await this.command('CLIENT', 'UNBLOCK', this.#waitsAs)
  }

  /** A connection of its own to the same server, which may go alone. @param lost is called once, when it does */
  async subscriber(lost: (error: Error) => void): Promise<Subscriber> {
    const client = this.#newClient()
    const subscriber = new Subscriber(client, this.#driver, this.#pingIntervalMs, this.#runtime, lost)
    this.#subscriber = subscriber
    try {
      await subscriber.open()
      if (this.#error !== undefined) throw this.#error
      return subscriber
    } catch (thrown) {
      subscriber.destroy()
      throw new WaybillError('WAYBILL_NOT_CONNECTED', `no connection to listen on: ${asError(thrown).message}`, {
        cause: thrown,
      })
    }
  }

  destroy(): void {
    this.#error ??= new Error('closed')
    this.#pings.end()
    for (const end of this.#ends) end()
    this.#subscriber?.destroy()
  }

  async #send(what: string, args: readonly Argument[]): Promise<Reply> {
    try {
      return (await this.#commands.sendCommand(args)) as Reply // by our type mapping
    } catch (thrown) {
      throw this.#failure(what, asError(thrown))
    }
  }

  #failure(what: string, error: Error): WaybillError {
    const { ErrorReply, ClientClosedError, ClientOfflineError } = this.#driver
    if (error instanceof ErrorReply) {
      if (isOfAnotherServer(error)) this.#end(error)
      return answerError(what, error)
    }
    if (error instanceof ClientClosedError || error instanceof ClientOfflineError)
      return new WaybillError('WAYBILL_NOT_CONNECTED', `the link is down: ${error.message}`, { cause: error })
    return new WaybillError('WAYBILL_OUTCOME_UNKNOWN', `the link broke before ${what} was answered`, { cause: error })
  }

  #end(error: Error): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.destroy()
    this.#lost(error)
  }
}

function clientOptions(driver: Driver, address: RedisAddress, settings: Settings): RedisClientOptions<{}, {}, {}, 2> {
  const { options, connectTimeoutMs: connectTimeout } = settings
  const username = options.user ?? address.user
  const password = options.password ?? address.password
  const at = { host: address.hostname, port: address.port, connectTimeout, reconnectStrategy: false as const }
  return {
    socket: address.tls ? { ...options.tls, ...at, tls: true } : at,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    name: options.connectionName ?? 'waybill',
    database: address.database,
    commandOptions: { typeMapping: { [driver.RESP_TYPES.BLOB_STRING]: Buffer } },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}

/** `name:value` lines. */
function infoIn(lines: string): ReadonlyMap<string, string> {
  return new Map(
    lines.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

export function text(reply: Reply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString() : String(reply ?? '')
}
