/** Whether a code point is of the set. */
export type CharacterSet = (code: number) => boolean

const LINE_FEED = 10
const UNDERSCORE = 95

const isDigit: CharacterSet = (code) => code >= 48 && code <= 57
const isUpper: CharacterSet = (code) => code >= 65 && code <= 90
const isLower: CharacterSet = (code) => code >= 97 && code <= 122
const isAlpha: CharacterSet = (code) => isUpper(code) || isLower(code)
const isSpace: CharacterSet = (code) => code === 32 || (code >= 9 && code <= 13)

/** A letter, a digit or an underscore. */
export const isWord: CharacterSet = (code) => isAlpha(code) || isDigit(code) || code === UNDERSCORE

export const ANY: CharacterSet = (code) => code !== LINE_FEED

/** By the character behind the backslash. */
export const ESCAPED_SETS: Readonly<Record<string, CharacterSet>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
}

/** By their names between [: and :]. */
export const NAMED_SETS: Readonly<Record<string, CharacterSet>> = {
  alnum: (code) => isAlpha(code) || isDigit(code),
  alpha: isAlpha,
  digit: isDigit,
  lower: isLower,
  punct: (code) => code > 32 && code < 127 && !isAlpha(code) && !isDigit(code),
  space: isSpace,
  upper: isUpper,
  word: isWord,
  xdigit: (code) => isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102),
}

/** By the character behind the backslash. */
export const ESCAPED_CONTROLS: Readonly<Record<string, number>> = { t: 9, n: LINE_FEED, v: 11, f: 12, r: 13, e: 27 }

export function only(one: number): CharacterSet {
  return (code) => code === one
}

/** The set with the letters of the other case. */
export function inAnyCase(has: CharacterSet): CharacterSet {
  return (code) => has(code) || has(otherCase(code))
}

function otherCase(code: number): number {
  const character = String.fromCodePoint(code)
  const lower = character.toLowerCase()
  return (lower === character ? character.toUpperCase() : lower).codePointAt(0) ?? code
}

function not(has: CharacterSet): CharacterSet {
  return (code) => !has(code)
}
