import type { Runtime } from '../runtime/runtime.ts'
import { Broker } from './broker.ts'
import { nodeFiles } from './store/node-files.ts'
import { openLog } from './store/open-log.ts'

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
  // The log may speak before there is a broker to hear it.
  let broker: Broker | undefined
  let failure: Error | undefined
  const recovered = await openLog({
    files: await nodeFiles(dir),
    runtime,
    events: {
      blocked: (blocked) => broker?.diskIsFull(blocked),
      failed: (error) => {
        failure = error
        broker?.fail(error)
      },
    },
  })
  try {
    broker = await Broker.open({ runtime, recovered })
  } catch (error) {
    await recovered.log.close()
    throw error
  }
  if (failure !== undefined) broker.fail(failure)
  broker.diskIsFull(recovered.log.blocked)
  return broker
}
