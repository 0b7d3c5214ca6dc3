import { isWaybillError } from '../../message/errors.ts'
import type { EngineFacts } from '../../transport/engine-facts.ts'
import { RabbitmqEngine } from '../rabbitmq/engine.ts'

/** A broker that answered when it was found may be killed, or end, before it is connected to; hardly so often. */
const TRIES = 4

/** The engine of a broker process: it looks for the broker again when that has gone while it was being connected to. */
export class SharedEngine extends RabbitmqEngine {
  override async connect(signal: AbortSignal): Promise<EngineFacts> {
    for (let left = TRIES - 1; ; left--) {
      try {
        return await super.connect(signal)
      } catch (error) {
        // Refused: the secret of the broker before, or a broker that is ending.
        const moved = isWaybillError(error, 'WAYBILL_NOT_CONNECTED') || isWaybillError(error, 'WAYBILL_ACCESS_REFUSED')
        if (!moved || left === 0) throw error
        signal.throwIfAborted()
      }
    }
  }
}
