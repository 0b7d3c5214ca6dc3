// Finds the broker of a folder, or starts it. One search:
//
//   announced, and it answers  -->  found
//   otherwise, in turn until the patience is over:
//     announced anew, and it answers                        -->  found
//     the starter lock is free: take it, look once more, start a process
//     that process has failed                               -->  its error
//     that process found the folder taken: by a broker that is reading its log, so wait; by whom else?  -->  error
//
// The starter lock keeps a hundred services from starting a hundred processes. What keeps two brokers from one folder is
// the lock of the folder, which they take themselves.
import type { Announcement, AnnouncementReading } from '../../broker/process/announcement.ts'
import type { StartOutcome } from '../../broker/process/start-outcome.ts'
import type { StoreLock } from '../../broker/store/store-files.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { folderHeld } from './folder-held.ts'
import type { ProbeResult } from './probe.ts'

/** What a search does to the machine. */
export interface FinderHost {
  readonly dir: string
  read(): AnnouncementReading
  probe(announcement: Announcement, signal: AbortSignal): Promise<ProbeResult>
  /** Takes the starter lock, unless another process has it. */
  lock(): Promise<StoreLock | undefined>
  start(): StartingBroker
  /** Changes while a broker reads the log of the folder. */
  progress(): number | undefined
}

export interface StartingBroker {
  /** Never rejects. */
  readonly outcome: Promise<StartOutcome>
  release(): void
}

/** How long a broker may take to serve; again and again while it reads its log. */
const PATIENCE_MS = 15_000
/** A broker that reads its log says so twice a second. */
const STALLED_MS = 3_000
const POLL_MS = 20
/** The lock is asked for less often than the announcement: it costs more, and a hundred may be asking. */
const LOCK_POLL_MS = 150

/**
 * Resolves with a broker that has just answered.
 *
 * @throws {WaybillError} `WAYBILL_BROKER_UNREACHABLE` when somebody has the folder and does not answer,
 *   `WAYBILL_BROKER_VERSION` when that is a broker with another protocol, or what the broker met that was started:
 *   `WAYBILL_STORE_DAMAGED`, `WAYBILL_STORE_VERSION`, `WAYBILL_STORE_UNWRITABLE`
 */
export async function findBroker(host: FinderHost, runtime: Runtime, signal: AbortSignal): Promise<Announcement> {
  const search = new Search(host, runtime, signal)
  // Nothing else may be left that keeps the process running: no socket is open yet.
  const release = runtime.keepAlive()
  try {
    return await search.run()
  } finally {
    search.end()
    release()
  }
}

class Search {
  readonly #host: FinderHost
  readonly #runtime: Runtime
  readonly #signal: AbortSignal
  /** An announced broker that has not answered in this search. */
  #dead: { readonly instance: string; readonly result: ProbeResult } | undefined
  #lock: StoreLock | undefined
  #nextLockAt = 0
  #starting: StartingBroker | undefined
  #failure: Error | undefined
  #until: number
  #progress: number | undefined
  #progressedAt = -Infinity

  constructor(host: FinderHost, runtime: Runtime, signal: AbortSignal) {
    this.#host = host
    this.#runtime = runtime
    this.#signal = signal
    this.#until = runtime.monotonic() + PATIENCE_MS
    this.#progress = host.progress()
  }

  async run(): Promise<Announcement> {
    for (;;) {
      this.#signal.throwIfAborted()
      const found = (await this.#answering()) ?? (await this.#afterFailure())
      if (found !== undefined) return found
      if (this.#starting === undefined) await this.#tryToStart()
      this.#watchProgress()
      if (this.#runtime.monotonic() > this.#until) throw this.#tooLate()
      await this.#pause()
    }
  }

  end(): void {
    this.#starting?.release()
    this.#lock?.release()
  }

  async #answering(): Promise<Announcement | undefined> {
    const reading = this.#host.read()
    if (reading.state !== 'announced') return undefined
    const { announcement } = reading
    if (announcement.instance === this.#dead?.instance) return undefined
    const result = await this.#host.probe(announcement, this.#signal)
    if (result === 'answers') return announcement
    this.#dead = { instance: announcement.instance, result }
    return undefined
  }

  async #tryToStart(): Promise<void> {
    if (this.#lock === undefined) {
      const now = this.#runtime.monotonic()
      if (now < this.#nextLockAt) return
      this.#nextLockAt = now + LOCK_POLL_MS * (0.5 + this.#runtime.random())
      this.#lock = await this.#host.lock()
      if (this.#lock === undefined) return
      // Who had it before may have started one meanwhile.
      const reading = this.#host.read()
      if (reading.state === 'announced' && reading.announcement.instance !== this.#dead?.instance) return
    }
    const starting = this.#host.start()
    this.#starting = starting
    void starting.outcome.then((outcome) => {
      if (this.#starting === starting && outcome.type === 'failed') this.#failure = outcome.error
    })
  }

  /** Where the process that we started has ended: its error, unless it is worth while to go on. */
  async #afterFailure(): Promise<Announcement | undefined> {
    const error = this.#failure
    if (error === undefined) return undefined
    if (!isWaybillError(error, 'WAYBILL_STORE_IN_USE')) throw error
    this.#starting?.release()
    this.#starting = undefined
    this.#failure = undefined
    this.#watchProgress()
    if (this.#runtime.monotonic() < this.#progressedAt + STALLED_MS) return undefined
    // It may only have been slow, and is asked a last time.
    this.#dead = undefined
    const found = await this.#answering()
    if (found === undefined) throw this.#held(error)
    return found
  }

  #held(cause: Error): WaybillError {
    return folderHeld(this.#host.dir, this.#host.read(), this.#dead?.result, cause)
  }

  /** A broker that goes on reading its log is worth waiting for. */
  #watchProgress(): void {
    const progress = this.#host.progress()
    if (progress === undefined || progress === this.#progress) return
    this.#progress = progress
    this.#progressedAt = this.#runtime.monotonic()
    this.#until = this.#progressedAt + PATIENCE_MS
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#runtime.setTimer(POLL_MS * (0.75 + this.#runtime.random() / 2), resolve)
    })
  }

  #tooLate(): WaybillError {
    const seconds = PATIENCE_MS / 1000
    const what =
      this.#starting === undefined
        ? `for ${seconds} s another process has been about to start the broker of ${this.#host.dir}`
        : `the broker of ${this.#host.dir} was started and has not served within ${seconds} s`
    return new WaybillError('WAYBILL_BROKER_UNREACHABLE', what, { cure: 'See broker.log in the folder.' })
  }
}
