/**
 * Calls `drain` once when the process is told to end, and then lets it end by itself. A second signal is not ours: it
 * ends the process at once, as it would without Waybill.
 *
 * @returns the function that stops listening
 */
export function drainOnSignal(signals: readonly NodeJS.Signals[], drain: (signal: NodeJS.Signals) => void): () => void {
  const stop = (): void => {
    for (const signal of signals) process.removeListener(signal, onSignal)
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    stop()
    drain(signal)
  }
  try {
    for (const signal of signals) process.on(signal, onSignal)
  } catch (error) {
    stop() // SIGKILL, or no signal at all
    throw error
  }
  return stop
}
