import { FaultProxy } from '../../testing/fault-proxy.ts'
import type { Transport } from '../../transport/transport.ts'
import type { Faults, TransportUnderTest } from '../harness.ts'

const SLOW_BYTES_PER_SECOND = 100 * 1024

/** Where the broker listens; `port` is read anew for each connection. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** A proxy for each member of a suite, and what that can do to the member's link. */
export class MemberProxies {
  readonly #proxies = new WeakMap<Transport, FaultProxy>()

  /** @param make a transport that finds its broker at `port` of 127.0.0.1 */
  async member(target: Target, make: (port: number) => Transport | Promise<Transport>): Promise<TransportUnderTest> {
    const proxy = await FaultProxy.open(target)
    const transport = await make(proxy.port)
    this.#proxies.set(transport, proxy)
    const dispose = async (): Promise<void> => {
      await transport.close(0)
      await proxy.close()
    }
    return { transport, dispose }
  }

  get faults(): Omit<Faults, 'restartBroker' | 'block'> {
    const proxyOf = (transport: Transport): FaultProxy => this.#proxyOf(transport)
    return {
      cut: async (transport) => {
        await proxyOf(transport).refuse()
        proxyOf(transport).cut()
      },
      stall: async (transport) => proxyOf(transport).stall(),
      halfOpen: async (transport) => proxyOf(transport).halfOpen('target'),
      slow: async (transport) => proxyOf(transport).slow(SLOW_BYTES_PER_SECOND),
      heal: (transport) => proxyOf(transport).restore(),
      crash: (transport) => proxyOf(transport).close(),
    }
  }

  #proxyOf(transport: Transport): FaultProxy {
    const proxy = this.#proxies.get(transport)
    if (proxy === undefined) throw new TypeError('not a transport of this harness')
    return proxy
  }
}
