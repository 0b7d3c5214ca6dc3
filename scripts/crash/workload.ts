// What is asked of the services, and how their handlers behave: by the number of a step alone, so that the checker knows it, too.
import { contract, event, type } from 'waybill'

/** The nth step of a key, from 0. */
export interface Step {
  readonly key: string
  readonly n: number
}

export const KEYS: readonly string[] = Array.from({ length: 8 }, (_, index) => `k${index}`)

/** It fails at its first attempt, and is tried again. */
export function failsOnce({ n }: Step): boolean {
  return n % 5 === 2
}

/** It fails until somebody has repaired what it needs: it becomes a dead letter, and is redriven. */
export function isBroken({ key, n }: Step): boolean {
  return n % 10 === 8 && KEYS.indexOf(key) % 4 === 1
}

/** @param name unique for each run: channels outlive it on some servers */
export function steps(name: string) {
  const options = { key: ({ key }: Step) => key }
  return contract(
    name,
    { shards: 4 },
    {
      /** Published by the parent; ordered, with an inbox. */
      asked: event(type<Step>(), options),
      /** Published by its handler in its transaction. */
      done: event(type<Step>(), options),
    },
  )
}
