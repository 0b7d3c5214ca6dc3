import { WaybillError } from '../../message/errors.ts'
import { isWord } from './character-sets.ts'
import { compile, type Program } from './pattern-program.ts'
import { parsePattern, type Assertion } from './pattern-syntax.ts'

/** Longest pattern, and longest text, in characters: names have at most 255 octets. */
const MOST_PATTERN = 1_024
const MOST_TEXT = 255

/** Steps that one text may take: some milliseconds. Only conditions that look ahead can need so many. */
const MOST_WORK = 300_000

/**
 * A regular expression for names of queues, exchanges and topics, written by whoever manages the broker. Whatever it is,
 * it takes no longer than its length times that of the name, so that it cannot stop the broker.
 */
export class NamePattern {
  readonly source: string
  readonly #program: Program

  /** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` when it is no pattern of the syntax known here, or too long */
  constructor(source: string) {
    this.source = source
    this.#program = programOf(source)
  }

  /** Whether it is found anywhere in the text. What is longer than a name can be does not match, nor what takes too long. */
  matches(text: string): boolean {
    if (text.length > MOST_TEXT) return false
    const search = new Search(text)
    return search.finds(this.#program, 0, true) && !search.isExhausted
  }
}

/** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION`, as the constructor of `NamePattern` */
export function requirePattern(source: string): void {
  programOf(source)
}

function programOf(source: string): Program {
  if (source.length > MOST_PATTERN) {
    throw new WaybillError('WAYBILL_INVALID_DEFINITION', `a pattern of more than ${MOST_PATTERN} characters`)
  }
  return compile(parsePattern(source))
}

/** A text with all that stands for something in patterns taken by its word. */
export function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, (character) => `\\${character}`)
}

class Search {
  readonly #codes: readonly number[]
  #work = 0

  constructor(text: string) {
    this.#codes = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  }

  get isExhausted(): boolean {
    return this.#work > MOST_WORK
  }

  /** @param anywhere else at `from` alone */
  finds(program: Program, from: number, anywhere: boolean): boolean {
    let states = new Set<number>()
    for (let at = from; at <= this.#codes.length && !this.isExhausted; at++) {
      if ((anywhere || at === from) && this.#reach(program, 0, at, states)) return true
      const next = new Set<number>()
      const code = this.#codes[at]
      for (const state of states) {
        const step = program[state]
        if (code === undefined || step?.op !== 'character' || !step.has(code)) continue
        if (this.#reach(program, state + 1, at + 1, next)) return true
      }
      states = next
      if (states.size === 0 && !anywhere) return false
    }
    return false
  }

  /** Adds all states that are reached without a character; `true` when the end is among them. */
  #reach(program: Program, first: number, at: number, states: Set<number>): boolean {
    const open = [first]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (states.has(state) || this.#work++ > MOST_WORK) continue
      states.add(state)
      const step = program[state]
      if (step === undefined || step.op === 'character') continue
      if (step.op === 'match') return true
      if (step.op === 'jump') open.push(step.to)
      else if (step.op === 'split') open.push(step.other, step.one)
      else if (
        step.op === 'assert' ? this.#holds(step.what, at) : this.finds(step.program, at, false) !== step.isNegative
      ) {
        open.push(state + 1)
      }
    }
    return false
  }

  #holds(what: Assertion, at: number): boolean {
    if (what === 'begin') return at === 0
    if (what === 'end') return at === this.#codes.length
    const isBoundary = this.#isWordAt(at - 1) !== this.#isWordAt(at)
    return isBoundary === (what === 'boundary')
  }

  #isWordAt(at: number): boolean {
    const code = this.#codes[at]
    return code !== undefined && isWord(code)
  }
}
