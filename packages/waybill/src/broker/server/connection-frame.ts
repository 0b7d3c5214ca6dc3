import { ConnectionError } from '../wire/connection-error.ts'
import { FRAME } from '../wire/frame-scanner.ts'

/**
 * The method of a frame on channel 0, or on any before the connection is open; `undefined` for a heartbeat.
 *
 * @throws {ConnectionError} 501, 504 or 505 for what has no place there
 */
export function connectionMethodOf(
  type: number,
  number: number,
  bytes: Buffer,
  start: number,
  end: number,
): number | undefined {
  if (type === FRAME.method) return methodOf(number, bytes, start, end)
  if (type === FRAME.header || type === FRAME.body)
    throw new ConnectionError(505, `a content frame on channel ${number}`)
  if (type !== FRAME.heartbeat) throw new ConnectionError(501, `frames of type ${type} do not exist`)
  if (number !== 0) throw new ConnectionError(505, `a heartbeat on channel ${number}`)
  if (end > start) throw new ConnectionError(501, 'a heartbeat with a payload')
  return undefined
}

function methodOf(number: number, bytes: Buffer, start: number, end: number): number {
  if (end - start < 4) throw new ConnectionError(501, 'a method frame ends within the number of its method')
  const method = bytes.readUInt32BE(start)
  if (number === 0) return method
  throw new ConnectionError(504, `a method on channel ${number} before the connection is open`, method)
}
