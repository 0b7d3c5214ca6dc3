// The names of the delay ladder.
//
//   delay      = units of 100 ms, rounded up, as 24 bits: b23 (highest) … b0
//   rung n     = exchange <prefix>delay.<n>, topic; queue <prefix>delay.<n>, quorum, x-message-ttl 100 ms * 2^n
//   key        = b23 "." b22 "." … "." b0 "." destination
//   bindings   = exchange n to queue n        *.….*.1.#    (bit n set: wait on this rung)
//                exchange n to exchange n-1   *.….*.0.#    (bit n clear: go on)
//                queue n dead-letters to exchange n-1, and keeps the key
//   bottom     = exchange <prefix>delay.done, topic, reached from rung 0 instead of a rung -1
//                bound to each destination queue by  *.….*.<destination>  when it is first used
//   lost       = alternate-exchange and queue <prefix>delay.lost: the destination was deleted during the delay
//   destination = the queue's name with % as %25, . as %2E, * as %2A and # as %23: one word of a topic
//
// A message enters at its highest bit. Every message of a queue waits equally long, so the head is always the next to go,
// and a longer delay never holds up a shorter one.

/** The unit of a delay, and the shortest. */
export const DELAY_UNIT_MS = 100
export const RUNGS = 24
/** 19 days and 10 hours. */
export const MAX_DELAY_MS: number = (2 ** RUNGS - 1) * DELAY_UNIT_MS
/** AMQP 0-9-1 short strings. */
const MAX_KEY_BYTES = 255

export interface LadderEntry {
  /** The rung to enter at. */
  readonly rung: number
  readonly routingKey: string
}

export function rungName(prefix: string, rung: number): string {
  return rung < 0 ? doneName(prefix) : `${prefix}delay.${rung}`
}

export function doneName(prefix: string): string {
  return `${prefix}delay.done`
}

export function lostName(prefix: string): string {
  return `${prefix}delay.lost`
}

/** The binding key of rung `n` for its bit. */
export function bitPattern(rung: number, bit: 0 | 1): string {
  return `${'*.'.repeat(RUNGS - 1 - rung)}${bit}.#`
}

export function destinationPattern(queue: string): string {
  return `${'*.'.repeat(RUNGS)}${word(queue)}`
}

/** Where a message for `queue` enters the ladder. `undefined` when the delay, or the name, is too long. */
export function ladderEntry(queue: string, delayMs: number): LadderEntry | undefined {
  const units = Math.max(1, Math.ceil(delayMs / DELAY_UNIT_MS))
  if (!(units < 2 ** RUNGS)) return undefined
  const bits = units.toString(2).padStart(RUNGS, '0')
  const routingKey = `${bits.split('').join('.')}.${word(queue)}`
  if (Buffer.byteLength(routingKey) > MAX_KEY_BYTES) return undefined
  return { rung: RUNGS - 1 - bits.indexOf('1'), routingKey }
}

function word(queue: string): string {
  return queue.replace(/[%.*#]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}
