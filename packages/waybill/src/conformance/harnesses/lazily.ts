import { impossible, type Faults } from '../harness.ts'
import type { Harness } from './embedded-harness.ts'

/** A harness whose engine starts after the clauses are registered, as test runners want it; every fault must be possible. */
export function lazily(started: () => Harness | undefined): Omit<Harness, 'close' | 'runtime'> {
  const harness = (): Harness => started() ?? fail('the engine has not been started')
  const fault = <Name extends keyof Faults>(name: Name): Extract<Faults[Name], (...args: never[]) => unknown> => {
    const action: Faults[keyof Faults] = harness().faults[name]
    return typeof action === 'function'
      ? (action as Extract<Faults[Name], (...args: never[]) => unknown>) // the entry of that name
      : fail(impossible(action) ?? name)
  }
  return {
    createTransport: () => harness().createTransport(),
    readDeadLetters: async (group) => {
      const { readDeadLetters } = harness()
      return typeof readDeadLetters === 'function' ? await readDeadLetters(group) : fail(readDeadLetters.cannot)
    },
    makeForeignQueue: async () => {
      const { makeForeignQueue } = harness()
      return typeof makeForeignQueue === 'function' ? await makeForeignQueue() : fail(makeForeignQueue.cannot)
    },
    faults: {
      cut: (transport) => fault('cut')(transport),
      stall: (transport) => fault('stall')(transport),
      halfOpen: (transport) => fault('halfOpen')(transport),
      slow: (transport) => fault('slow')(transport),
      heal: (transport) => fault('heal')(transport),
      crash: (transport) => fault('crash')(transport),
      restartBroker: () => fault('restartBroker')(),
      block: (blocked) => fault('block')(blocked),
      dropConsumers: (group) => fault('dropConsumers')(group),
    },
  }
}

function fail(reason: string): never {
  throw new Error(reason)
}
