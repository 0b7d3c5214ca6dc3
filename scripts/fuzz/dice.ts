import { seededRandom } from '../../packages/waybill/src/runtime/seeded-random.ts'

/** Choices that depend on a seed alone. */
export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** A whole number from 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T // never empty here
  }

  octets(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}
