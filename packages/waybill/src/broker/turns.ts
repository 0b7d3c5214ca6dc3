import type { Runtime } from '../runtime/runtime.ts'
import type { Queue } from './queue/queue.ts'

/** Runs the queues that have something to do, each once, in the next turn of the event loop. */
export class Turns {
  readonly #runtime: Runtime
  #waiting = new Set<Queue>()
  #stopped = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  schedule(queue: Queue): void {
    this.#waiting.add(queue)
    if (this.#waiting.size === 1) this.#runtime.defer(() => this.#run())
  }

  /** No more turns. */
  stop(): void {
    this.#stopped = true
  }

  #run(): void {
    if (this.#stopped) return
    const queues = this.#waiting
    // What is scheduled from here on belongs to the turn after this one.
    this.#waiting = new Set()
    for (const queue of queues) queue.run()
  }
}
