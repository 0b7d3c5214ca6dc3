/** One measured run. */
export interface Run {
  readonly messages: number
  /** Most messages unconfirmed, and most unacknowledged. */
  readonly window: number
  readonly body: Buffer
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
