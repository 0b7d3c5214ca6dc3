import { Broker } from '../../broker/broker.ts'
import { openLog } from '../../broker/store/open-log.ts'
import { SimulatedDisk } from '../../broker/store/simulated-files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { LinkedEngine } from './linked-engine.ts'

/** A sync takes time on a disk; without, whole loads would be stored before a fault could hit them. */
const DISK_MS = 1
/** A process takes a while to start again; clients are refused meanwhile. */
const DOWN_MS = 50

/** An embedded broker on a simulated disk, which can be killed: what was not synced is gone, what was is reopened. */
export class EmbeddedHost {
  readonly #runtime: Runtime
  readonly #disk: SimulatedDisk
  readonly #links = new Set<LinkedEngine>()
  #broker: Promise<Broker>

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#disk = new SimulatedDisk({
      random: () => runtime.random(),
      later: (fn) => void runtime.setTimer(DISK_MS, fn),
    })
    this.#broker = this.#open()
  }

  acquire(): Promise<Broker> {
    return this.#broker
  }

  /** The broker outlives its users; `close` ends it. */
  release(): Promise<void> {
    return Promise.resolve()
  }

  link(): LinkedEngine {
    const link: LinkedEngine = new LinkedEngine(this, this.#runtime, () => void this.#links.delete(link))
    this.#links.add(link)
    return link
  }

  async restart(): Promise<void> {
    const killed = await this.#broker
    const error = new Error('the broker was killed')
    // Power off first: nothing that the dying broker still does reaches the disk, and no confirm leaves it.
    this.#disk.crash()
    for (const link of this.#links) link.lose(error)
    killed.fail(error)
    await new Promise<void>((resolve) => void this.#runtime.setTimer(DOWN_MS, resolve))
    this.#broker = this.#open()
    await this.#broker
    await Promise.all([...this.#links].map((link) => link.restore()))
  }

  async forget(queues: readonly string[]): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.forget(queues)))
  }

  async block(blocked: boolean): Promise<void> {
    const broker = await this.#broker
    broker.diskIsFull(blocked)
  }

  async close(): Promise<void> {
    await (await this.#broker).close()
  }

  async #open(): Promise<Broker> {
    let broker: Broker | undefined
    const recovered = await openLog({
      files: this.#disk.files(),
      runtime: this.#runtime,
      events: {
        blocked: (blocked) => broker?.diskIsFull(blocked),
        failed: (error) => broker?.fail(error),
      },
    })
    broker = await Broker.open({ runtime: this.#runtime, recovered })
    return broker
  }
}
