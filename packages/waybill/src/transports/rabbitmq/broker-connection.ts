import type { Channel, ChannelModel, ConfirmChannel, SocketOptions } from 'amqplib'
import type { Runtime } from '../../runtime/runtime.ts'
import { connectError } from './amqp-errors.ts'
import type { BrokerAddress } from './broker-address.ts'
import type { Driver } from './driver.ts'
import { DEFAULT_HEARTBEAT_SECONDS, type LinkOptions } from './rabbitmq-options.ts'
import { settledWithin } from '../../transport/settled-within.ts'

/** Frames that amqplib buffers, twice, before it says that it is full: with bodies of 128 KiB a frame, 128 MiB. */
const MAX_BUFFERED_FRAMES = 512
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000

export interface ConnectionListener {
  /** The connection ended without being asked. At most once. */
  lost(error: Error): void
  blocked(reason: string): void
  unblocked(): void
}

/** One connection of amqplib, from its handshake to its end. It is never mended: the link opens another. */
export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #model: ChannelModel
  readonly #socket: AbortController
  readonly #ended: Promise<void>
  #isAsked = false
  #error: Error | undefined

  private constructor(
    address: BrokerAddress,
    model: ChannelModel,
    socket: AbortController,
    listener: ConnectionListener,
  ) {
    this.address = address
    this.#model = model
    this.#socket = socket
    model.on('error', (error) => (this.#error ??= error))
    model.on('blocked', (reason) => listener.blocked(reason))
    model.on('unblocked', () => listener.unblocked())
    this.#ended = new Promise((resolve) => {
      model.on('close', (error) => {
        // amqplib ends the socket but does not destroy it: a peer that is stalled would keep it, and the process, alive.
        socket.abort()
        resolve()
        if (!this.#isAsked) listener.lost(connectError(address, this.#error ?? error ?? new Error('Connection closed')))
      })
    })
  }

  /**
   * @param purpose what the management page shows behind the connection's name
   * @param signal ends the attempt, and nothing once it has resolved
   * @throws {WaybillError} WAYBILL_NOT_CONNECTED or WAYBILL_ACCESS_REFUSED
   */
  static async open(
    driver: Driver,
    address: BrokerAddress,
    options: LinkOptions,
    purpose: string,
    signal: AbortSignal,
    listener: ConnectionListener,
  ): Promise<BrokerConnection> {
    const socket = new AbortController()
    const abort = (): void => socket.abort(signal.reason)
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      const { protocol, hostname, port, username, password, vhost } = address
      const heartbeat = options.heartbeatSeconds ?? DEFAULT_HEARTBEAT_SECONDS
      // `signal` is Node's: aborting destroys the socket. amqplib hands on to the socket what it does not know.
      const socketOptions: SocketOptions & { readonly signal: AbortSignal } = {
        ...(protocol === 'amqps' ? tlsOptions(options) : {}),
        noDelay: true,
        timeout: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
        clientProperties: { connection_name: `${options.connectionName ?? 'waybill'} (${purpose})` },
        signal: socket.signal,
      }
      const model = await driver.connect(
        { protocol, hostname, port, username, password, vhost: encodeURIComponent(vhost), heartbeat },
        socketOptions,
      )
      return new BrokerConnection(address, model, socket, listener)
    } catch (error) {
      socket.abort()
      throw connectError(address, error)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Resolves when it has ended, and every channel with it. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** As the broker described itself in connection.start. */
  get serverProperties(): Readonly<Record<string, unknown>> {
    return this.#model.connection.serverProperties
  }

  openChannel(): Promise<Channel> {
    return this.#model.createChannel()
  }

  openConfirmChannel(): Promise<ConfirmChannel> {
    return this.#model.createConfirmChannel({ highWaterMark: MAX_BUFFERED_FRAMES })
  }

  /** Ends it without a goodbye. */
  abort(): void {
    this.#isAsked = true
    this.#socket.abort()
  }

  /** Says goodbye, and gives up on a peer that has not answered within `deadlineMs`. */
  async close(deadlineMs: number, runtime: Runtime): Promise<void> {
    if (!this.#isAsked) {
      this.#isAsked = true
      // A failed goodbye means that the connection ended first, which is all that is asked.
      this.#model.close().catch(() => this.#socket.abort())
    }
    // amqplib may have told of the end before anybody could listen.
    if (!(await settledWithin(deadlineMs, this.#ended, runtime))) this.#socket.abort()
  }
}

function tlsOptions({ tls = {} }: LinkOptions): SocketOptions {
  const { ca, ...rest } = tls
  return { ...rest, ...(ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }) }
}
