import { durationMs } from '../../runtime/duration.ts'
import { retryPolicy } from '../../middleware/retry-policy.ts'
import { batchLimits, checkLimits } from './limit-options.ts'
import { SERVICE_NAME } from './service.ts'
import type { Registration } from './registration.ts'

export const MAX_CONCURRENCY = 10_000
/** AMQP's prefetch is 16 bits wide. */
export const MAX_PREFETCH = 65_535

/** @throws {TypeError} when `value` is given and no whole number in the bounds */
export function checkCount(what: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return
  throw new TypeError(`${what} must be a whole number from 1 to ${most}, not ${value}`)
}

/** @throws {TypeError} naming the option of the handler that is out of range */
export function checkOptions(service: string, { message, options, batch }: Registration): void {
  const of = `of ${service} on ${message.type}`
  checkCount(`concurrency ${of}`, options.concurrency, MAX_CONCURRENCY)
  checkCount(`prefetch ${of}`, options.prefetch, MAX_PREFETCH)
  checkTimeout(`timeout ${of}`, options)
  checkOneOf(`unknown ${of}`, options.unknown, ['dead-letter', 'skip'])
  if (options.group !== undefined && !SERVICE_NAME.test(options.group))
    throw new TypeError(`group ${of}: letters, digits, _ and -, at most 63, not "${options.group}"`)
  checkStart(of, options)
  if (message.channel.kind === 'signals')
    for (const name of ['ordered', 'group', 'broadcast', 'start'] as const)
      if (options[name] !== undefined)
        throw new TypeError(`${name} ${of}: the event is not stored, so each instance has what comes, and nothing more`)
  checkLimits(of, options, batch !== undefined)
  if (batch !== undefined) checkBatch(of, message, options, batch)
  const neither = () => 0
  try {
    retryPolicy(options.retry ?? {}, neither)
  } catch (cause) {
    throw new TypeError(`${cause instanceof Error ? cause.message : String(cause)} (${of})`, { cause })
  }
}

function checkBatch(
  of: string,
  message: Registration['message'],
  { prefetch = Infinity }: Registration['options'],
  batch: NonNullable<Registration['batch']>,
): void {
  const { size } = batchLimits(of, batch)
  if (prefetch < size) throw new TypeError(`prefetch ${of} is ${prefetch}: a batch of ${size} would never be full`)
  if ('reply' in message && message.reply !== undefined)
    throw new TypeError(`onBatch ${of}: whoever sends it waits for a reply of its own; handle it with on()`)
}

function checkTimeout(what: string, { timeout }: Registration['options']): void {
  if (timeout !== undefined && durationMs(timeout) === 0)
    throw new TypeError(`${what} must be longer than nothing: for no limit in practice, write for instance '7d'`)
}

function checkStart(of: string, { start }: Registration['options']): void {
  if (typeof start === 'object') {
    if ('positions' in start) {
      for (const [shard, position] of Object.entries(start.positions))
        if (!/^\d+$/.test(shard) || position === '')
          throw new TypeError(`start.positions ${of} must be positions by shard, not ${shard}: ${position}`)
    } else if (!Number.isFinite(start.time))
      throw new TypeError(`start.time ${of} must be milliseconds, not ${start.time}`)
  } else checkOneOf(`start ${of}`, start, ['now', 'earliest'])
}

function checkOneOf(what: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return
  throw new TypeError(`${what} must be one of ${allowed.join(', ')}, not ${value}`)
}
