import type { Runtime } from '../runtime/runtime.ts'
import { Broker } from './broker.ts'
import { nodeFiles } from './store/node-files.ts'
import { openLog, type OpenLogOptions } from './store/open-log.ts'

export interface OpenBrokerOptions {
  /** Made when it is missing. */
  readonly dir: string
  readonly runtime: Runtime
}

/**
 * Opens the broker of a folder, as it was when the last process left it.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE`, `WAYBILL_STORE_DAMAGED`, `WAYBILL_STORE_VERSION`
 */
export async function openBroker({ dir, runtime }: OpenBrokerOptions): Promise<Broker> {
  return await openBrokerOn({ files: await nodeFiles(dir), runtime })
}

/** The same on any disk, with the log's own options. */
export async function openBrokerOn(options: Omit<OpenLogOptions, 'events'>): Promise<Broker> {
  // The log may speak before there is a broker to hear it.
  let broker: Broker | undefined
  let failure: Error | undefined
  const recovered = await openLog({
    ...options,
    events: {
      blocked: (blocked) => broker?.diskIsFull(blocked),
      failed: (error) => {
        failure = error
        broker?.fail(error)
      },
      // Found while old segments were reclaimed: as at the opening, nothing goes on beside damage.
      damaged: (error) => {
        failure ??= error
        broker?.fail(error)
      },
    },
  })
  try {
    broker = await Broker.open({ runtime: options.runtime, recovered })
  } catch (error) {
    await recovered.log.close()
    throw error
  }
  if (failure !== undefined) broker.fail(failure)
  broker.diskIsFull(recovered.log.blocked)
  return broker
}
