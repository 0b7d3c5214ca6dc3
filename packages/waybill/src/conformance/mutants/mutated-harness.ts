import type { Transport } from '../../transport/transport.ts'
import type { Faults } from '../harness.ts'
import { embeddedHarness, type Harness } from '../harnesses/embedded-harness.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Mutant } from './mutant.ts'

/** An embedded broker of its own, whose transports are all infected. Faults reach the good transport within. */
export function mutatedHarness(mutant: Mutant | undefined, runtime: Runtime): Harness {
  const good = embeddedHarness(runtime)
  if (mutant === undefined) return good
  const infect = mutant.infect(runtime)
  const originals = new WeakMap<Transport, Transport>()
  const reach = (fault: Faults['cut']): Faults['cut'] =>
    typeof fault === 'function' ? (transport) => fault(originals.get(transport) ?? transport) : fault
  const { cut, stall, halfOpen, slow, heal, crash, restartBroker, block, dropConsumers } = good.faults
  return {
    ...good,
    createTransport: async () => {
      const { transport, dispose } = await good.createTransport()
      const infected = infect(transport)
      originals.set(infected, transport)
      return { transport: infected, dispose }
    },
    faults: {
      cut: reach(cut),
      stall: reach(stall),
      halfOpen: reach(halfOpen),
      slow: reach(slow),
      heal: reach(heal),
      crash: reach(crash),
      restartBroker,
      block,
      ...(dropConsumers === undefined ? {} : { dropConsumers }),
    },
  }
}
