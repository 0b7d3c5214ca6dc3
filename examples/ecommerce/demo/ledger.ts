// The demo's own books, kept outside the messaging system: one line per fact, appended at once, so that a killed process
// loses none of what it had seen. The verdict is drawn from these lines alone.
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Fact =
  /** The shop is about to send the order; without `confirmed` its outcome is unknown. */
  | { readonly fact: 'attempted'; readonly order: string; readonly at: number }
  /** The broker has confirmed the order. */
  | { readonly fact: 'confirmed'; readonly order: string; readonly at: number }
  /** A service has handled a step of the order. */
  | { readonly fact: Step; readonly order: string; readonly at: number }
  /** A message went to the dead letters. */
  | { readonly fact: 'dead'; readonly order: string; readonly at: number; readonly where: string; readonly why: string }

export type Step = 'placed' | 'reserved' | 'paid' | 'shipped' | 'refused' | 'told'

export class Ledger {
  readonly #file: string

  constructor(folder: string, writer: string) {
    this.#file = join(folder, `${writer}.jsonl`)
  }

  write(fact: Fact): void {
    appendFileSync(this.#file, `${JSON.stringify(fact)}\n`)
  }
}

/** All facts of all writers. A line cut short by a kill is left out: its writer had not finished saying it. */
export function readLedger(folder: string): readonly Fact[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .flatMap((line) => parse(line))
}

function parse(line: string): readonly Fact[] {
  if (!line.endsWith('}')) return []
  return [JSON.parse(line) as Fact] // written above
}
