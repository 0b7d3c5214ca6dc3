import type { Client } from 'pg'
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { Connection } from './connection.ts'
import type { Driver } from './driver.ts'
import { migrate } from './migrate.ts'
import type { PostgresAddress } from './postgres-address.ts'
import { clientConfig, type Settings } from './settings.ts'

/** A statement that is not answered for so long is given up, with the link: it waits for a lock, or for a dead peer. */
const SILENT_MS = 60_000
/** What a notification to ourselves may take before it counts as lost on the way. */
const ECHO_MS = 2_000

/**
 * The connections of one link. What waits for a lock or for the disk must not hold up what must not be late, so there are
 * three: `control` renews leases, listens and looks around, `publish` stores messages in the order in which they were handed
 * over, `consume` fetches and settles.
 */
export class Wire {
  readonly control: Connection
  readonly publish: Connection
  readonly consume: Connection
  readonly version: string
  /** Whether the server's notifications come through; a pooler in transaction mode swallows them. */
  listens = true
  readonly #runtime: Runtime
  readonly #lost: (error: Error) => void
  readonly #listeners = new Map<string, Set<() => void>>()
  #ended = false

  private constructor(
    clients: readonly [Client, Client, Client],
    version: string,
    runtime: Runtime,
    lost: (error: Error) => void,
  ) {
    const [control, publish, consume] = clients.map((client) => new Connection(client, runtime))
    this.control = control as Connection // three clients, three connections
    this.publish = publish as Connection
    this.consume = consume as Connection
    this.version = version
    this.#runtime = runtime
    this.#lost = lost
    this.control.client.on('notification', ({ channel }) => this.#notified(channel))
  }

  static async open(
    driver: Driver,
    address: PostgresAddress,
    settings: Settings,
    runtime: Runtime,
    signal: AbortSignal,
    lost: (error: Error) => void,
  ): Promise<Wire> {
    const clients = [0, 1, 2].map(() => new driver.Client(clientConfig(settings, address))) as [Client, Client, Client]
    let wire: Wire | undefined
    let failed: (error: unknown) => void = () => undefined
    const failing = new Promise<never>((_, reject) => (failed = reject))
    failing.catch(() => undefined) // raced below
    const abort = (): void => failed(signal.reason)
    signal.addEventListener('abort', abort)
    for (const client of clients) {
      client.on('error', (error) => (wire === undefined ? failed(error) : wire.#fail(error)))
      client.on('end', () => (wire === undefined ? failed(new Error('the server closed the connection')) : wire.#fail(new Error('the server closed the connection')))) // prettier-ignore
    }
    try {
      return await Promise.race([failing, prepare()])
    } catch (error) {
      for (const client of clients) destroy(client)
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }

    async function prepare(): Promise<Wire> {
      await Promise.all(clients.map((client) => client.connect()))
      const { rows } = await clients[0].query<{ version: string; readonly: string }>(
        `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_setting('transaction_read_only') AS readonly`,
      )
      if (rows[0]?.readonly === 'on') throw new Error('it is read-only, as a standby is')
      await migrate(clients[0], settings)
      const opened = new Wire(clients, rows[0]?.version ?? '', runtime, lost)
      wire = opened
      await opened.#probe(settings.schema)
      return opened
    }
  }

  /** Calls `told` whenever somebody notifies `channel`, until the returned function is called. */
  async listen(channel: string, told: () => void): Promise<() => void> {
    const known = this.#listeners.get(channel)
    const listeners = known ?? new Set()
    listeners.add(told)
    this.#listeners.set(channel, listeners)
    if (known === undefined && this.listens) await this.control.run({ text: `LISTEN "${channel}"` }, [])
    return () => {
      listeners.delete(told)
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return
      this.#listeners.delete(channel)
      if (!this.#ended && this.listens) this.control.run({ text: `UNLISTEN "${channel}"` }, []).catch(() => undefined) // it goes with the link
    }
  }

  /** Tells the link when the server owes an answer for too long. @param leaseMs what the control connection must not exceed */
  watch(leaseMs: number): void {
    const silent = [this.publish, this.consume].some(({ silentMs }) => silentMs > Math.max(SILENT_MS, leaseMs))
    if (silent || this.control.silentMs > leaseMs) this.#fail(new Error('the server does not answer'))
  }

  /** Nothing asked of it will be answered. */
  get isEnded(): boolean {
    return this.#ended
  }

  async close(): Promise<void> {
    this.#ended = true
    await Promise.all(this.#clients.map((client) => client.end().catch(() => undefined)))
  }

  destroy(): void {
    this.#ended = true
    for (const client of this.#clients) destroy(client)
  }

  get #clients(): readonly Client[] {
    return [this.control.client, this.publish.client, this.consume.client]
  }

  /** Whether a notification that one connection sends reaches the one that listens. */
  async #probe(schema: string): Promise<void> {
    const channel = `${schema}:${this.#runtime.newId().slice(-12)}`
    let timer: Timer | undefined
    const echo = new Promise<boolean>((resolve) => {
      timer = this.#runtime.setTimer(ECHO_MS, () => resolve(false))
      this.#listeners.set(channel, new Set([() => resolve(true)]))
    })
    try {
      await this.control.client.query(`LISTEN "${channel}"`)
      await this.publish.client.query(`NOTIFY "${channel}"`)
      this.listens = await echo
      await this.control.client.query(`UNLISTEN "${channel}"`)
    } finally {
      timer?.cancel()
      this.#listeners.delete(channel)
    }
    // The tables grow and shrink faster than their statistics; every statement of ours has its index.
    if (this.listens)
      for (const { client } of [this.publish, this.consume]) await client.query('SET enable_seqscan = off; SET jit = off') // prettier-ignore
    else for (const each of [this.control, this.publish, this.consume]) each.unprepare()
  }

  /** What is to be told of a link whose notifications do not come. */
  get trouble(): WaybillError | undefined {
    if (this.listens) return undefined
    const what = 'notifications of the server do not come through, as behind pgbouncer in transaction mode: messages are found by polling alone' // prettier-ignore
    return new WaybillError('WAYBILL_UNSUPPORTED', what, {
      cure: 'Connect to the server itself, or to a pooler in session mode.',
    })
  }

  #notified(channel: string): void {
    for (const told of this.#listeners.get(channel) ?? []) told()
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#lost(asError(error))
  }
}

function destroy(client: Client): void {
  // The driver's types leave it out: its socket, which `end()` would first drain.
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
