import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NamePattern, literally } from './name-pattern.ts'

const matching = (pattern: string, texts: readonly string[]): readonly string[] =>
  texts.filter((text) => new NamePattern(pattern).matches(text))

describe('matches()', () => {
  test.each([
    ['.*', ['', 'x', 'amq.gen-1'], ['', 'x', 'amq.gen-1']],
    ['^$', ['', 'x'], ['']],
    ['', ['', 'x'], ['', 'x']],
    ['^(orders|billing)\\.', ['orders.1', 'billing.x', 'billing', 'x.orders.1'], ['orders.1', 'billing.x']],
    ['^(?!amq\\.).*', ['amq.direct', 'amqp', ''], ['amqp', '']],
    ['^a(?=.*z$)', ['abz', 'ab'], ['abz']],
    ['^[a-c_.-]{2,3}$', ['ab', '_.-', 'a', 'abcd', 'ad'], ['ab', '_.-']],
    ['^[^a]+$', ['bc', 'ba'], ['bc']],
    ['^[]x]$', [']', 'x'], [']', 'x']],
    ['(?i)^ÄB', ['äb', 'ÄBC', 'ab'], ['äb', 'ÄBC']],
    ['^\\x41\\u0042\\x{43}$', ['ABC'], ['ABC']],
    ['^[[:upper:]\\d\\t]+$', ['A1\t', 'a'], ['A1\t']],
    ['\\bq\\b', ['a q b', 'aqb', 'q'], ['a q b', 'q']],
    ['\\A{user}\\z', ['{user}', 'user'], ['{user}']],
    ['^(?<name>a)??(?:b){2}$', ['bb', 'abb', 'b'], ['bb', 'abb']],
    ['^.$', ['😀', 'ab'], ['😀']],
  ])('%s', (pattern, texts, expected) => {
    expect(matching(pattern, texts)).toEqual(expected)
  })

  test('agrees with the expressions of the platform', () => {
    const { pattern } = fc.letrec<{ readonly pattern: string; readonly atom: string }>((tie) => ({
      atom: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(
          'a',
          'b',
          '-',
          '.',
          '^',
          '$',
          '\\b',
          '\\B',
          '\\w',
          '\\D',
          '[ab]',
          '[^a-b]',
          '[a-]',
          '\\.',
          'a{1}',
        ),
        tie('pattern').map((inner) => `(${inner})`),
        tie('pattern').map((inner) => `(?:${inner})`),
        tie('pattern').map((inner) => `(?=${inner})`),
        tie('pattern').map((inner) => `(?!${inner})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '??'))
          .map(([inner, quantifier]) => `(?:${inner})${quantifier}`),
      ),
      pattern: fc.oneof(
        { depthSize: 'small' },
        fc.array(tie('atom'), { maxLength: 4 }).map((atoms) => atoms.join('')),
        fc.tuple(tie('pattern'), tie('pattern')).map((choices) => choices.join('|')),
      ),
    }))
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.', '\n'), maxLength: 6 })
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 3, maxLength: 8 }), (source, texts) => {
        const platform = new RegExp(source)
        expect(matching(source, texts)).toEqual(texts.filter((each) => platform.test(each)))
      }),
      { numRuns: 2_000, seed: 1 },
    )
  })

  test('ends soon, whatever the pattern is', () => {
    const hostile = ['^(a+)+$', '^(a|a)*$', '(a*)*b', `^${'(a?)'.repeat(200)}${'a'.repeat(200)}$`]
    for (const pattern of hostile) expect(new NamePattern(pattern).matches(`${'a'.repeat(254)}!`)).toBe(false)
    // Looking ahead from every place to the end of the text: given up, which is no match.
    const looking = `(?:${'(?!.*.*.*.*.*.*.*.*b)'.repeat(20)}.)*$`
    expect(new NamePattern(looking).matches('a'.repeat(255))).toBe(false)
    expect(new NamePattern(looking).matches('aa')).toBe(true)
    expect(new NamePattern('.*').matches('a'.repeat(256))).toBe(false)
  })
})

test('what cannot be read, or would become too much, is refused by its place', () => {
  const refused = [
    ['a(b', /at its character 3: a \( without its \)/],
    ['a)', /a \) without its \(/],
    ['*a', /nothing before \*/],
    ['[a', /it ends too early/],
    ['[b-a]', /a range/],
    ['a{3,1}', /wrong way round/],
    ['a{1,999}', /255/],
    ['(a)\\1', /\\1 is not known/],
    ['(?<=a)b', /\(\?< are not known|groups/],
    ['a++', /possessive/],
    ['\\x4', /without its digits/],
    ['[[:none:]]', /not known/],
    ['('.repeat(100) + ')'.repeat(100), /nested deeper/],
    ['((a{100}){100}){100}', /more than 1000 steps/],
    ['a'.repeat(1_025), /1024/],
  ] as const
  for (const [pattern, text] of refused) {
    expect(() => new NamePattern(pattern), pattern).toThrow(text)
    expect(() => new NamePattern(pattern), pattern).toThrow(/WAYBILL_INVALID_DEFINITION/)
  }
})

test('literally() makes a pattern of any text that matches it alone', () => {
  for (const text of ['a.b', '^$', '(x|y)', '[a-z]', 'a{2}', '\\d', '*+?']) {
    expect(matching(`^${literally(text)}$`, [text, 'aab', 'x', 'a', '1'])).toEqual([text])
  }
})
