import type { Duration } from '../../runtime/duration.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { shared } from '../shared/shared.ts'

export type EmbeddedOptions = SharedFolder | OwnFolder | Memory

/** A broker process that all services of this machine share. The first of them starts it. */
export interface SharedFolder {
  /** Where messages are kept. Made when it is missing. */
  readonly dir: string
  readonly inProcess?: false
  /** The broker process ends when no service has been connected for so long. Whoever starts it decides. Default 30 s, at least 100 ms. */
  readonly idleTimeout?: Duration
}

/** The broker in this process, which has the folder for itself. */
export interface OwnFolder {
  /** Where messages are kept. Made when it is missing. */
  readonly dir: string
  readonly inProcess: true
}

/** The broker in this process. It keeps nothing: for tests. */
export interface Memory {
  readonly memory: true
}

/**
 * The broker that comes with Waybill.
 *
 * `embedded({ dir })` is a process that all services with this folder share: the first starts it, and any of them starts
 * it again when it has died. `inProcess` and `memory` run the broker in this process: buses that are given the same
 * `embedded(…)` share it; it opens with the first of them, on its runtime, and closes with the last.
 *
 * Connecting rejects with `WAYBILL_STORE_DAMAGED` when a record is bad, `WAYBILL_STORE_VERSION` when a newer Waybill
 * wrote the folder, `WAYBILL_STORE_UNWRITABLE` when it cannot be written; in process with `WAYBILL_STORE_IN_USE` when
 * another process has the folder; shared with `WAYBILL_BROKER_UNREACHABLE` when a process has it that does not answer,
 * `WAYBILL_BROKER_VERSION` when it is the broker of another version that is understood no more.
 */
export function embedded(options: EmbeddedOptions): TransportFactory {
  if (!('memory' in options) && options.inProcess !== true) return shared(options)
  let factory: Promise<TransportFactory> | undefined
  return async (runtime) => {
    factory ??= import('./in-this-process.ts').then(({ inThisProcess }) => inThisProcess(options))
    return (await factory)(runtime)
  }
}
