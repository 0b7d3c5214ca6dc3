import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { PostgresClient } from './postgres-pool.ts'

/** A server that does not answer must not keep whoever listens from ending. */
const ANSWER_MS = 10_000

/**
 * Listens for notifications on a client of the pool that is kept for it, as long as anybody here wants to know. When that is lost
 * another takes its place; what was told in between is told at once, since something may have been missed.
 */
export class CommitListener {
  readonly #connect: () => Promise<PostgresClient>
  readonly #channel: string
  readonly #runtime: Runtime
  readonly #listeners = new Set<() => void>()
  /** Of the client that listens now. */
  #dismiss: (() => void) | undefined
  #retry: Timer | undefined
  #connecting: Promise<void> | undefined
  #tries = 0
  #ended = false

  constructor(connect: () => Promise<PostgresClient>, channel: string, runtime: Runtime) {
    this.#connect = connect
    this.#channel = channel
    this.#runtime = runtime
  }

  /** Resolves when it listens, or has failed to for the first time. */
  async add(listener: () => void): Promise<() => Promise<void>> {
    this.#listeners.add(listener)
    await this.#listen()
    return async () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) await this.#letGo()
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#listeners.clear()
    await this.#letGo()
  }

  #listen(): Promise<void> {
    if (this.#dismiss !== undefined || this.#retry !== undefined) return Promise.resolve()
    this.#connecting ??= this.#take().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #take(): Promise<void> {
    let dismiss: (() => void) | undefined
    try {
      const client = await this.#connect()
      const lost = (): void => {
        if (this.#dismiss !== dismiss) return
        this.#dismiss = undefined
        dismiss?.()
        this.#again()
      }
      client.on('error', lost)
      client.on('end', lost)
      client.on('notification', this.#tell)
      // It listens, so nobody else may have it: it is closed. What becomes of it then is nobody's error any more.
      dismiss = () => {
        client.removeListener('notification', this.#tell)
        client.removeListener('end', lost)
        client.release(true)
      }
      await client.query({ text: `LISTEN "${this.#channel}"`, values: [], query_timeout: ANSWER_MS })
      if (this.#ended || this.#listeners.size === 0) return dismiss()
      this.#dismiss = dismiss
      if (this.#tries > 0) this.#tell()
      this.#tries = 0
    } catch {
      // Those who listen look by themselves, too; it is tried again until nobody wants to know any more.
      dismiss?.()
      this.#again()
    }
  }

  readonly #tell = (): void => {
    for (const listener of this.#listeners) listener()
  }

  #again(): void {
    if (this.#ended || this.#listeners.size === 0) return
    this.#retry ??= this.#runtime.setTimer(backOffMs(this.#tries++, this.#runtime), () => {
      this.#retry = undefined
      if (!this.#ended && this.#listeners.size > 0) void this.#listen()
    })
  }

  async #letGo(): Promise<void> {
    this.#retry?.cancel()
    this.#retry = undefined
    await this.#connecting
    const dismiss = this.#dismiss
    this.#dismiss = undefined
    dismiss?.()
  }
}
