/** Default high-water mark: bytes of messages that live in memory alone, beyond which publishers are held back. */
const DEFAULT_HIGH_WATER_BYTES = 256 * 1024 * 1024

/** Publishers go on below this part of the mark, so that they do not stop and go with every message. */
const RESUME_AT = 0.9

/** Counts the bytes of messages kept in memory and says when publishers are to be held back. */
export class ResidentMemory {
  readonly #highWater: number
  readonly #onChange: (blocked: boolean) => void
  #bytes = 0
  #blocked = false

  constructor(onChange: (blocked: boolean) => void, highWater: number = DEFAULT_HIGH_WATER_BYTES) {
    this.#onChange = onChange
    this.#highWater = highWater
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Stored messages are kept beside the log's copy only while there is room. */
  get hasRoom(): boolean {
    return this.#bytes < this.#highWater / 2
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (!this.#blocked && this.#bytes > this.#highWater) {
      this.#blocked = true
      this.#onChange(true)
    }
  }

  subtract(bytes: number): void {
    this.#bytes -= bytes
    if (this.#blocked && this.#bytes < this.#highWater * RESUME_AT) {
      this.#blocked = false
      this.#onChange(false)
    }
  }
}
