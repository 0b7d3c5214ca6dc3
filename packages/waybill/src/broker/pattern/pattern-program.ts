import { WaybillError } from '../../message/errors.ts'
import type { CharacterSet } from './character-sets.ts'
import type { Assertion, Syntax } from './pattern-syntax.ts'

/** One step of a program. Where it goes on without saying where, it is the next one. */
export type Step =
  | { readonly op: 'character'; readonly has: CharacterSet }
  | { readonly op: 'assert'; readonly what: Assertion }
  | { readonly op: 'ahead'; readonly program: Program; readonly isNegative: boolean }
  /** Goes on at both. */
  | { readonly op: 'split'; readonly one: number; readonly other: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'match' }

/** A non-deterministic automaton: the set of its states is stepped through the text once. */
export type Program = readonly Step[]

/** Repetitions are written out, so that a short pattern may become a long program. */
const MOST_STEPS = 1_000

/** @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` when it becomes too long */
export function compile(syntax: Syntax): Program {
  const steps: Step[] = []
  write(syntax, steps)
  steps.push({ op: 'match' })
  return steps
}

function write(syntax: Syntax, steps: Step[]): void {
  if (steps.length > MOST_STEPS) {
    throw new WaybillError('WAYBILL_INVALID_DEFINITION', `a pattern with more than ${MOST_STEPS} steps`)
  }
  switch (syntax.type) {
    case 'set':
      return void steps.push({ op: 'character', has: syntax.has })
    case 'assert':
      return void steps.push({ op: 'assert', what: syntax.what })
    case 'ahead':
      return void steps.push({ op: 'ahead', program: compile(syntax.item), isNegative: syntax.isNegative })
    case 'sequence':
      for (const item of syntax.items) write(item, steps)
      return
    case 'choice':
      return writeChoice(syntax.items, steps)
    case 'repeat':
      return writeRepeat(syntax, steps)
  }
}

//   split one, other · one: item, jump end · other: item, jump end · end
function writeChoice(items: readonly Syntax[], steps: Step[]): void {
  const jumps: number[] = []
  items.forEach((item, n) => {
    const isLast = n === items.length - 1
    const split = isLast ? -1 : steps.push(PLACEHOLDER) - 1
    write(item, steps)
    if (isLast) return
    jumps.push(steps.push(PLACEHOLDER) - 1)
    steps[split] = { op: 'split', one: split + 1, other: steps.length }
  })
  for (const jump of jumps) steps[jump] = { op: 'jump', to: steps.length }
}

//   item, as often as it must be there · then without an end:  again: split item, end · item, jump again · end
//                                      · else for each more:   split item, end · item · … · end
function writeRepeat({ item, least, most }: Syntax & { readonly type: 'repeat' }, steps: Step[]): void {
  for (let n = 0; n < least; n++) write(item, steps)
  if (most === Infinity) {
    const again = steps.push(PLACEHOLDER) - 1
    write(item, steps)
    steps.push({ op: 'jump', to: again })
    steps[again] = { op: 'split', one: again + 1, other: steps.length }
    return
  }
  const splits: number[] = []
  for (let n = least; n < most; n++) {
    splits.push(steps.push(PLACEHOLDER) - 1)
    write(item, steps)
  }
  for (const split of splits) steps[split] = { op: 'split', one: split + 1, other: steps.length }
}

/** Until it is known where to go. */
const PLACEHOLDER: Step = { op: 'match' }
