/** One measured run. */
export interface Run {
  readonly messages: number
  /** Most messages unconfirmed, and most unacknowledged; or most requests unanswered. */
  readonly window: number
  readonly body: Buffer
}

/** One side of a comparison: a client that is connected. */
export interface Runner {
  /** Sends the messages and waits until the last one is handled, or answered. */
  run(run: Run): Promise<void>
  close(): Promise<void>
}

export interface Measure {
  readonly perSecond: number
  readonly cpuSecondsPer100k: number
}

export async function measured(messages: number, work: () => Promise<void>): Promise<Measure> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: messages / seconds, cpuSecondsPer100k: ((user + system) / 1e6 / messages) * 100_000 }
}
