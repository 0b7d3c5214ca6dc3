import type { Runtime } from '../../runtime/runtime.ts'
import type { OpenConnection } from '../../transport/link.ts'
import type { BrokerAddress } from './broker-address.ts'
import { ConnectionPair } from './connection-pair.ts'
import type { Driver } from './driver.ts'
import type { LinkOptions } from './rabbitmq-options.ts'

export interface PairEvents {
  /** Makes new connections ready for use. It must end when they do. */
  prepare(pair: ConnectionPair): Promise<void>
  /** The broker holds publishers back. */
  blocked(reason: string): void
  unblocked(): void
}

/** How a link to RabbitMQ opens its connections. */
export function openConnection(
  driver: Driver,
  options: LinkOptions,
  runtime: Runtime,
  events: PairEvents,
): OpenConnection<BrokerAddress, ConnectionPair> {
  return async (address, signal, lost) => {
    let isBlocked = false
    const unblocked = (): void => {
      if (isBlocked) events.unblocked()
      isBlocked = false
    }
    const pair = await ConnectionPair.open(driver, address, options, runtime, signal, {
      lost: (error) => {
        // It was said of that connection; the next one is told for itself.
        unblocked()
        lost(error)
      },
      blocked: (reason) => {
        isBlocked = true
        events.blocked(reason)
      },
      unblocked,
    })
    const abort = (): void => pair.destroy()
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      await events.prepare(pair)
      signal.throwIfAborted()
      if (pair.fault !== undefined) throw pair.fault
      return pair
    } catch (error) {
      pair.destroy()
      unblocked()
      throw pair.fault ?? error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
}
