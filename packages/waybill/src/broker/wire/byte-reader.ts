import { isUtf8 } from 'node:buffer'
import { WaybillError } from '../../message/errors.ts'

/**
 * Reads big-endian values from bytes that somebody else wrote. Every read is checked against the end.
 *
 * @throws {WaybillError} `WAYBILL_MALFORMED` from any method, when the bytes end too early
 */
export class ByteReader {
  readonly #buffer: Buffer
  #at: number
  #end: number

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = 0
    this.#end = bytes.length
  }

  get more(): boolean {
    return this.#at < this.#end
  }

  octet(): number {
    return this.#buffer[this.#take(1)] as number // #take has checked the bound
  }

  signedOctet(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  short(): number {
    return this.#buffer.readUInt16BE(this.#take(2))
  }

  signedShort(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  long(): number {
    return this.#buffer.readUInt32BE(this.#take(4))
  }

  signedLong(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  longLong(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8))
  }

  signedLongLong(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8))
  }

  float(): number {
    return this.#buffer.readFloatBE(this.#take(4))
  }

  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8))
  }

  /** The next octets, sharing memory with what was given. */
  view(length: number): Buffer {
    const at = this.#take(length)
    return this.#buffer.subarray(at, at + length)
  }

  /** A name, which is UTF-8: what is not would be no name of at most 255 octets when it is written again. */
  shortString(): string {
    const length = this.octet()
    const at = this.#take(length)
    return strictText(this.#buffer, at, at + length)
  }

  /** A short string that is only looked at: octets that are not UTF-8 become replacement characters. */
  looseShortString(): string {
    const length = this.octet()
    const at = this.#take(length)
    return this.#buffer.toString('utf8', at, at + length)
  }

  /** Reads a length of four octets, then lets `content` read within it, to its end. */
  sized(content: () => void): void {
    const length = this.long()
    const end = this.#at + length
    if (end > this.#end) throw tooShort(length, this.#end - this.#at)
    const outer = this.#end
    this.#end = end
    content()
    this.#end = outer
    this.#at = end
  }

  #take(octets: number): number {
    const at = this.#at
    if (octets > this.#end - at) throw tooShort(octets, this.#end - at)
    this.#at = at + octets
    return at
  }
}

/** @throws {WaybillError} `WAYBILL_MALFORMED` when the octets are not UTF-8 */
export function strictText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  // Where something was replaced, or had been before.
  if (text.includes('\uFFFD') && !isUtf8(bytes.subarray(start, end))) {
    throw new WaybillError('WAYBILL_MALFORMED', 'a short string that is not UTF-8')
  }
  return text
}

function tooShort(wanted: number, left: number): WaybillError {
  return new WaybillError('WAYBILL_MALFORMED', `AMQP field of ${wanted} octets where ${left} are left`)
}
