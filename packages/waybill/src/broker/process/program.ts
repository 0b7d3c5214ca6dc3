import { fileURLToPath } from 'node:url'

/** The program of a broker process: beside this file, and of its kind (.ts in the source, .js when built). */
export const BROKER_PROGRAM: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'main.ts' : 'main.js', import.meta.url),
)

export interface BrokerArguments {
  /** Absolute. */
  readonly dir: string
  readonly idleMs: number
}

/** The arguments for Node. Whoever lists processes sees what it is and for which folder. */
export function brokerArguments({ dir, idleMs }: BrokerArguments): readonly string[] {
  // node:sqlite, which locks the folder, says that it is experimental.
  return ['--disable-warning=ExperimentalWarning', BROKER_PROGRAM, '--data', dir, '--idle-ms', String(idleMs)]
}
