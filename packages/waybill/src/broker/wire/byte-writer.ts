/** Appends to a buffer that grows by doubling; big-endian, as everything in AMQP. `bytes()` copies out what was written. */
export class ByteWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(512)
  #length = 0

  get length(): number {
    return this.#length
  }

  reset(): void {
    this.#length = 0
  }

  /** Takes back what was written from `length` on. */
  truncate(length: number): void {
    this.#length = length
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#length))
  }

  /** What was written, which is the taker's from now on; writing begins anew. Little is copied, much is handed over. */
  take(): Uint8Array {
    const written = this.#buffer.subarray(0, this.#length)
    this.#length = 0
    if (written.length < TAKEN_BY_COPY_OCTETS) return Buffer.from(written)
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#buffer.length, LARGEST_KEPT_OCTETS))
    return written
  }

  /** Writes four octets over those at `at`. */
  patchLong(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at)
  }

  octet(value: number): void {
    this.#room(1)
    this.#buffer[this.#length++] = value
  }

  short(value: number): void {
    const at = this.#advance(2)
    this.#buffer.writeUInt16BE(value & 0xffff, at)
  }

  long(value: number): void {
    const at = this.#advance(4)
    this.#buffer.writeUInt32BE(value >>> 0, at)
  }

  longLong(value: bigint): void {
    const at = this.#advance(8)
    this.#buffer.writeBigUInt64BE(BigInt.asUintN(64, value), at)
  }

  float(value: number): void {
    const at = this.#advance(4)
    this.#buffer.writeFloatBE(value, at)
  }

  double(value: number): void {
    const at = this.#advance(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  /** Octets as they are, without a length. */
  raw(value: Uint8Array): void {
    this.#room(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  /**
   * One octet of length, then UTF-8.
   *
   * @throws {RangeError} when it is longer than 255 octets
   */
  shortString(value: string): void {
    this.#room(1 + value.length * 3)
    const written = this.#buffer.write(value, this.#length + 1, 'utf8')
    if (written > 0xff) throw new RangeError(`a short string has at most 255 octets, this one has ${written}`)
    this.#buffer[this.#length] = written
    this.#length += 1 + written
  }

  /** Four octets of length, then UTF-8. */
  longString(value: string): void {
    this.#room(4 + value.length * 3)
    const written = this.#buffer.write(value, this.#length + 4, 'utf8')
    this.#buffer.writeUInt32BE(written, this.#length)
    this.#length += 4 + written
  }

  /** Writes `content`, preceded by four octets that say how long it turned out to be. */
  sized(content: () => void): void {
    const at = this.#advance(4)
    content()
    this.#buffer.writeUInt32BE(this.#length - at - 4, at)
  }

  /** Eight octets of a whole number up to 2^53. */
  safeLongLong(value: number): void {
    const at = this.#advance(8)
    this.#buffer.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
    this.#buffer.writeUInt32BE(value >>> 0, at + 4)
  }

  /** Makes room first: what is then written goes to the buffer that has it. */
  #advance(octets: number): number {
    this.#room(octets)
    const at = this.#length
    this.#length += octets
    return at
  }

  #room(octets: number): void {
    const needed = this.#length + octets
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** Writings smaller than this are copied out, so that the buffer can be used again. */
const TAKEN_BY_COPY_OCTETS = 8 * 1024
/** A buffer that has grown further than this is not made as large again. */
const LARGEST_KEPT_OCTETS = 256 * 1024
