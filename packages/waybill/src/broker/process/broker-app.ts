// The broker within its process, as RabbitMQ's application is within its node: whoever manages the process may stop it and
// start it again, to see how clients take it. The folder stays locked meanwhile.
import { PACKAGE_VERSION } from '../../message/package-version.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker } from '../broker.ts'
import { openBrokerOn } from '../open-broker.ts'
import type { ListenOptions } from '../server/listen.ts'
import { serveBroker, type BrokerServer, type ServeOptions } from '../server/serve-broker.ts'
import type { StoreFiles } from '../store/store-files.ts'
import type { ProcessLog } from './process-log.ts'

/** Where clients come in, and who may. */
export interface AppDoor extends ListenOptions {
  readonly authenticate: (broker: Broker) => ServeOptions['authenticate']
}

export interface BrokerAppOptions {
  /** Of the folder, whose lock the process keeps. */
  readonly files: StoreFiles
  readonly runtime: Runtime
  readonly log: ProcessLog
  /** First the one whose port may be taken. */
  readonly doors: readonly AppDoor[]
}

export interface AppListener {
  /** How many clients are connected has changed. */
  counted(connections: number): void
  /** The store failed: nothing is confirmed any more. */
  failed(error: Error): void
}

interface Running {
  readonly broker: Broker
  readonly servers: readonly BrokerServer[]
}

/** What connections may take to say goodbye. */
const GOODBYE_MS = 2_000

export class BrokerApp {
  readonly #options: BrokerAppOptions
  /** Where it listened first, and so does again. */
  #ports: readonly number[] = []
  #running: Running | undefined
  #listener: AppListener | undefined
  /** Starts and stops come one after the other. */
  #last: Promise<void> = Promise.resolve()

  /** @throws {WaybillError} as `openBroker`, and `WAYBILL_ADDRESS_IN_USE` */
  static async start(options: BrokerAppOptions): Promise<BrokerApp> {
    const app = new BrokerApp(options)
    await app.start()
    return app
  }

  private constructor(options: BrokerAppOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** @throws {WaybillError} `WAYBILL_CLOSED` while it is stopped */
  get broker(): Broker {
    return this.#require().broker
  }

  /** In the order of the doors; none while it is stopped. */
  get servers(): readonly BrokerServer[] {
    return this.#running?.servers ?? []
  }

  /** In the order of the doors. */
  get ports(): readonly number[] {
    return this.#ports
  }

  listen(listener: AppListener): void {
    this.#listener = listener
    if (this.#running !== undefined) this.#attend(this.#running)
  }

  /** Opens the store and the doors. Nothing happens while it runs. */
  start(): Promise<void> {
    return this.#next(async () => {
      if (this.#running !== undefined) return
      const running = await open(this.#options, this.#ports)
      this.#ports = running.servers.map(({ port }) => port)
      this.#running = running
      this.#attend(running)
    })
  }

  /**
   * Closes the doors, with `reason` for those who are connected (320), and the store. Nothing happens while it is stopped.
   *
   * @param parted called when nobody is connected any more
   */
  stop(reason: string, parted: () => void = () => {}): Promise<void> {
    return this.#next(async () => {
      const running = this.#running
      if (running === undefined) return parted()
      await Promise.all(running.servers.map((server) => server.close(GOODBYE_MS, reason)))
      parted()
      this.#running = undefined
      await running.broker.close()
    })
  }

  #require(): Running {
    if (this.#running === undefined) throw new WaybillError('WAYBILL_CLOSED', 'the broker is stopped')
    return this.#running
  }

  #attend({ broker, servers }: Running): void {
    const listener = this.#listener
    if (listener === undefined) return
    const count = (): void => listener.counted(servers.reduce((sum, { connections }) => sum + connections, 0))
    for (const server of servers) server.onConnections(count)
    broker.onEvent((event) => {
      if (event.type === 'failed') listener.failed(event.error)
    })
  }

  #next(act: () => Promise<void>): Promise<void> {
    const done = this.#last.then(act)
    this.#last = done.catch(() => {})
    return done
  }
}

async function open({ files, runtime, log, doors }: BrokerAppOptions, ports: readonly number[]): Promise<Running> {
  const broker = await openBrokerOn({ files, runtime })
  broker.onEvent((event) => {
    if (event.type === 'discouraged') log(event.text)
  })
  const servers: BrokerServer[] = []
  try {
    for (const [at, door] of doors.entries()) {
      const trouble = (error: unknown): void =>
        log(error instanceof Error ? (error.stack ?? error.message) : String(error))
      const listening = { ...door, port: ports[at] ?? door.port, authenticate: door.authenticate(broker) }
      servers.push(await serveBroker({ ...listening, broker, runtime, version: PACKAGE_VERSION, trouble }))
    }
    return { broker, servers }
  } catch (error) {
    await Promise.all(servers.map((server) => server.close(0, 'the broker cannot start')))
    await broker.close()
    throw error
  }
}
