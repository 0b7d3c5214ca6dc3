// Whether all money is there, and each transfer was done once. Pure.
import { ACCOUNTS, OPENING_BALANCE, type Half, type Transfer } from './accounts.ts'

export interface Books {
  readonly sent: readonly Transfer[]
  readonly balances: ReadonlyMap<number, number>
  readonly halves: Readonly<Record<Half, readonly string[]>>
}

/** One sentence for each thing that is wrong, at most ten of a kind. */
export function faultsIn({ sent, balances, halves }: Books): readonly string[] {
  const faults: string[] = []
  const total = [...balances.values()].reduce((sum, each) => sum + each, 0)
  if (total !== ACCOUNTS * OPENING_BALANCE) faults.push(`the total is ${total}, not ${ACCOUNTS * OPENING_BALANCE}`)
  for (const [half, done] of Object.entries(halves)) {
    const counts = new Map<string, number>()
    for (const id of done) counts.set(id, (counts.get(id) ?? 0) + 1)
    const wrong = sent.filter(({ id }) => counts.get(id) !== 1)
    faults.push(...wrong.slice(0, 10).map(({ id }) => `${half}: ${id} was done ${counts.get(id) ?? 0} times`))
    if (counts.size > sent.length) faults.push(`${half}: ${counts.size - sent.length} transfers that nobody sent`)
  }
  const expected = new Map([...balances.keys()].map((id) => [id, OPENING_BALANCE]))
  for (const { from, to, amount } of sent) {
    expected.set(from, (expected.get(from) ?? 0) - amount)
    expected.set(to, (expected.get(to) ?? 0) + amount)
  }
  const off = [...expected].filter(([id, balance]) => balances.get(id) !== balance)
  faults.push(...off.slice(0, 10).map(([id, balance]) => `account ${id} has ${balances.get(id)}, not ${balance}`))
  return faults
}
