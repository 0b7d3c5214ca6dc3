// The regular expressions of permissions and policies, of the syntax that PCRE and JavaScript share:
//
//   pattern  = [ "(?i)" ] choice
//   choice   = sequence *( "|" sequence )
//   sequence = *( term [ quantifier ] )
//   term     = "^" / "$" / "\b" / "\B" / "\A" / "\z" / "\Z"
//            / "." / character / escape / "[" [ "^" ] *( class-item ) "]"
//            / "(" choice ")" / "(?:" choice ")" / "(?<" name ">" choice ")" / "(?=" choice ")" / "(?!" choice ")"
//   quantifier = ( "*" / "+" / "?" / "{" n "}" / "{" n "," "}" / "{" n "," m "}" ) [ "?" ]
//
// What is not here, back references above all, is what takes more than linear time.
import { WaybillError } from '../../message/errors.ts'
import {
  ANY,
  ESCAPED_CONTROLS,
  ESCAPED_SETS,
  NAMED_SETS,
  inAnyCase,
  only,
  type CharacterSet,
} from './character-sets.ts'

export type Assertion = 'begin' | 'end' | 'boundary' | 'no-boundary'

export type Syntax =
  | { readonly type: 'set'; readonly has: CharacterSet }
  | { readonly type: 'assert'; readonly what: Assertion }
  | { readonly type: 'sequence' | 'choice'; readonly items: readonly Syntax[] }
  | { readonly type: 'repeat'; readonly item: Syntax; readonly least: number; readonly most: number }
  | { readonly type: 'ahead'; readonly item: Syntax; readonly isNegative: boolean }

/** Groups within each other; deeper ones only serve to exhaust the stack. */
const MOST_DEPTH = 64
const MOST_REPEATS = 255
const IGNORES_CASE = '(?i)'

/** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` */
export function parsePattern(pattern: string): Syntax {
  return new PatternParser(pattern).parse()
}

class PatternParser {
  readonly #pattern: string
  readonly #characters: readonly string[]
  readonly #ignoresCase: boolean
  #at: number
  #depth = 0

  constructor(pattern: string) {
    this.#pattern = pattern
    this.#characters = Array.from(pattern)
    this.#ignoresCase = pattern.startsWith(IGNORES_CASE)
    this.#at = this.#ignoresCase ? IGNORES_CASE.length : 0
  }

  parse(): Syntax {
    const syntax = this.#choice()
    if (this.#at < this.#characters.length) throw this.#invalid('a ) without its (')
    return syntax
  }

  #choice(): Syntax {
    if (++this.#depth > MOST_DEPTH) throw this.#invalid(`groups nested deeper than ${MOST_DEPTH}`)
    const items = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    this.#depth--
    return items.length === 1 ? (items[0] as Syntax) : { type: 'choice', items } // there is one
  }

  #sequence(): Syntax {
    const items: Syntax[] = []
    for (let next = this.#next; next !== undefined && next !== '|' && next !== ')'; next = this.#next) {
      items.push(this.#quantified(this.#term()))
    }
    return { type: 'sequence', items }
  }

  #term(): Syntax {
    const character = this.#advance()
    switch (character) {
      case '^':
        return { type: 'assert', what: 'begin' }
      case '$':
        return { type: 'assert', what: 'end' }
      case '.':
        return { type: 'set', has: ANY }
      case '(':
        return this.#group()
      case '[':
        return this.#set(this.#class())
      case '\\':
        return this.#escapedTerm()
      case '*':
      case '+':
      case '?':
        throw this.#invalid(`nothing before ${character} that it could repeat`)
      default:
        return this.#set(codeOf(character))
    }
  }

  #group(): Syntax {
    let ahead: '=' | '!' | undefined
    if (this.#take('?')) {
      const kind = this.#advance()
      if (kind === '=' || kind === '!') ahead = kind
      else if (kind === '<' && this.#next !== '=' && this.#next !== '!') while (this.#advance() !== '>');
      else if (kind !== ':') throw this.#invalid(`groups that begin with (?${kind} are not known here`)
    }
    const item = this.#choice()
    if (!this.#take(')')) throw this.#invalid('a ( without its )')
    return ahead === undefined ? item : { type: 'ahead', item, isNegative: ahead === '!' }
  }

  #quantified(item: Syntax): Syntax {
    const bounds = this.#quantifier()
    if (bounds === undefined) return item
    this.#take('?')
    if (this.#next === '+') throw this.#invalid('possessive quantifiers are not known here')
    if (bounds.least > bounds.most) throw this.#invalid('a quantifier with its bounds the wrong way round')
    return { type: 'repeat', item, ...bounds }
  }

  #quantifier(): { readonly least: number; readonly most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Infinity }
    if (this.#take('+')) return { least: 1, most: Infinity }
    if (this.#take('?')) return { least: 0, most: 1 }
    const braces = /^\{(\d{1,9})(,(\d{1,9})?)?\}/.exec(this.#rest(24))
    // Any other brace stands for itself.
    if (braces === null) return undefined
    this.#at += braces[0].length
    const least = Number(braces[1])
    const most = braces[2] === undefined ? least : Number(braces[3] ?? Infinity)
    if (least > MOST_REPEATS || (most > MOST_REPEATS && most !== Infinity)) {
      throw this.#invalid(`more than ${MOST_REPEATS} repetitions`)
    }
    return { least, most }
  }

  #escapedTerm(): Syntax {
    const what = ASSERTIONS[this.#next ?? '']
    if (what === undefined) return this.#set(this.#escaped())
    this.#at++
    return { type: 'assert', what }
  }

  /** What a backslash and the characters behind it stand for. */
  #escaped(): number | CharacterSet {
    const character = this.#advance()
    const known = ESCAPED_SETS[character] ?? ESCAPED_CONTROLS[character]
    if (known !== undefined) return known
    if (character === 'x' || character === 'u') return this.#hexadecimal(character)
    if (/[A-Za-z0-9]/.test(character)) throw this.#invalid(`\\${character} is not known here`)
    return codeOf(character)
  }

  #hexadecimal(letter: 'x' | 'u'): number {
    const digits = /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2})([0-9a-fA-F]{2})?)/.exec(this.#rest(8))
    const [all = '', inBraces, two, fourth] = digits ?? []
    const text =
      inBraces ?? (letter === 'x' ? two : two === undefined || fourth === undefined ? undefined : two + fourth)
    if (text === undefined) throw this.#invalid(`\\${letter} without its digits`)
    this.#at += inBraces === undefined ? text.length : all.length
    return Number.parseInt(text, 16)
  }

  #class(): CharacterSet {
    const isNegative = this.#take('^')
    const sets: CharacterSet[] = []
    // A ] that comes first stands for itself, as in PCRE.
    while (sets.length === 0 || this.#next !== ']') sets.push(this.#classItem())
    this.#at++
    return (code) => sets.some((has) => has(code)) !== isNegative
  }

  #classItem(): CharacterSet {
    const named = /^\[:([a-z]+):\]/.exec(this.#rest(16))
    if (named !== null) {
      const known = NAMED_SETS[named[1] ?? '']
      if (known === undefined) throw this.#invalid(`${named[0]} is not known here`)
      this.#at += named[0].length
      return known
    }
    const first = this.#classCharacter()
    const isRange = this.#next === '-' && this.#characters[this.#at + 1] !== ']'
    if (typeof first !== 'number') return first
    if (!isRange) return only(first)
    this.#at++
    const last = this.#classCharacter()
    if (typeof last !== 'number' || last < first) throw this.#invalid('a range with its ends the wrong way round')
    return (code) => code >= first && code <= last
  }

  #classCharacter(): number | CharacterSet {
    const character = this.#advance()
    if (character !== '\\') return codeOf(character)
    return this.#take('b') ? BACKSPACE : this.#escaped()
  }

  #set(what: number | CharacterSet): Syntax {
    const has = typeof what === 'number' ? only(what) : what
    return { type: 'set', has: this.#ignoresCase ? inAnyCase(has) : has }
  }

  get #next(): string | undefined {
    return this.#characters[this.#at]
  }

  #rest(length: number): string {
    return this.#characters.slice(this.#at, this.#at + length).join('')
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false
    this.#at++
    return true
  }

  #advance(): string {
    const next = this.#next
    if (next === undefined) throw this.#invalid('it ends too early')
    this.#at++
    return next
  }

  #invalid(why: string): WaybillError {
    return new WaybillError(
      'WAYBILL_INVALID_DEFINITION',
      `the pattern '${this.#pattern}' cannot be read at its character ${this.#at}: ${why}`,
    )
  }
}

const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  b: 'boundary',
  B: 'no-boundary',
  A: 'begin',
  z: 'end',
  Z: 'end',
}
const BACKSPACE = 8

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}
