import { EXIT_ASKED, EXIT_FOLDER_GONE, exitCodeOf } from './exit-code.ts'
import { runBroker, type RunBrokerOptions } from './run-broker.ts'
import type { BrokerEnd, RunningBroker } from './running-broker.ts'

export interface Ended {
  readonly end: BrokerEnd
  readonly exitCode: number
}

/**
 * Runs the broker of a folder until it ends; SIGTERM and SIGINT ask it to.
 *
 * @param started called once it serves
 * @throws {WaybillError} as `runBroker`
 */
export async function runUntilEnd(
  options: RunBrokerOptions,
  started: (running: RunningBroker) => void,
): Promise<Ended> {
  const running = await runBroker(options)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void running.end())
  started(running)
  const end = await running.ended
  return { end, exitCode: codeOf(end) }
}

function codeOf(end: BrokerEnd): number {
  if (end.reason === 'failed') return exitCodeOf(end.error)
  return end.reason === 'folder-gone' ? EXIT_FOLDER_GONE : EXIT_ASKED
}
