// What a message's headers tell of its tries so far.
import { readRedriven } from '../../dead-letters/marks.ts'
import { readFailures } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'

/** When it failed first in this group, since it was redriven last; `undefined` where it has not. */
export function firstFailureAt({ headers }: Pick<WireMessage, 'headers'>, group: string): number | undefined {
  const redrivenAt = readRedriven(headers).times.at(-1)?.at ?? -Infinity
  return readFailures(headers).find((failure) => failure.group === group && failure.at >= redrivenAt)?.at
}

/** Since when, at the earliest, it has been handed out as the try that it is now. */
export function waitsSince({ headers, time }: Pick<WireMessage, 'headers' | 'time'>): number {
  return Math.max(time, readRedriven(headers).times.at(-1)?.at ?? 0, readFailures(headers).at(-1)?.at ?? 0)
}
