import { createServer, type AddressInfo, type Socket } from 'node:net'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { ProxiedConnection, type Direction, type Side, type Target } from './proxied-connection.ts'

const HOST = '127.0.0.1'

/**
 * A TCP proxy on 127.0.0.1 that stands between clients and a server, and breaks what passes, as networks do. `stall`,
 * `slow` and `refuse` apply to what is there and to what comes, until `restore()`.
 */
export class FaultProxy {
  readonly #target: Target
  readonly #runtime = systemRuntime()
  readonly #connections = new Set<ProxiedConnection>()
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  #port = 0
  #stalled: Direction | 'both' | undefined
  #bytesPerSecond = Infinity

  private constructor(target: Target) {
    this.#target = target
  }

  /** Resolves when it listens, on a free port. */
  static async open(target: Target): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    await proxy.#listen()
    return proxy
  }

  /** Where clients connect; the same through every fault. */
  get port(): number {
    return this.#port
  }

  /** Connections that are open on at least one side. */
  get connections(): number {
    return this.#connections.size
  }

  /** Resets every connection, on both sides. New ones are taken. */
  cut(): void {
    for (const connection of this.#connections) connection.cut()
  }

  /** Takes no new connection: they are refused as if nobody listened. Those there are go on. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return
    // Its callback waits for the connections too; the port is free before that.
    this.#server.close()
    await Promise.resolve()
  }

  /** Nothing passes, and nobody is told: what is sent stays in the buffers on the way. */
  stall(direction: Direction | 'both' = 'both'): void {
    this.#stalled = direction
    for (const connection of this.#connections) this.#applyStall(connection)
  }

  /** Lets so many bytes a second through, each way, on each connection. */
  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
    for (const connection of this.#connections) this.#applySlow(connection)
  }

  /**
   * Half-open connections: `gone` has vanished, the other side is not told, and what it sends is swallowed. Those there
   * are stay so, also after `restore()`; new ones work.
   */
  halfOpen(gone: Side): void {
    for (const connection of this.#connections) connection.abandon(gone)
  }

  /** Lifts `stall`, `slow` and `refuse`. */
  async restore(): Promise<void> {
    this.#stalled = undefined
    this.#bytesPerSecond = Infinity
    for (const connection of this.#connections) {
      this.#applyStall(connection)
      this.#applySlow(connection)
    }
    if (!this.#server.listening) await this.#listen()
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, HOST, () => {
        this.#server.off('error', reject)
        this.#port = (this.#server.address() as AddressInfo).port // it listens on TCP
        resolve()
      })
    })
  }

  #accept(client: Socket): void {
    const connection = new ProxiedConnection(client, this.#target, this.#runtime, () => {
      this.#connections.delete(connection)
    })
    this.#connections.add(connection)
    this.#applyStall(connection)
    this.#applySlow(connection)
  }

  #applyStall(connection: ProxiedConnection): void {
    const stalled = this.#stalled === undefined ? [] : connection.lanes(this.#stalled)
    for (const lane of connection.lanes('both')) lane.stall(stalled.includes(lane))
  }

  #applySlow(connection: ProxiedConnection): void {
    for (const lane of connection.lanes('both')) lane.slow(this.#bytesPerSecond)
  }
}
