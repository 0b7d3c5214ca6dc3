// One side beside the other, on the same server, in alternating rounds of one process.
import { measured, type Run, type Runner } from './measured-run.ts'
import { interval, pairs } from './pairs.ts'

export interface Comparison {
  readonly title: string
  /** The other side's name. */
  readonly raw: string
  readonly sides: { readonly seam: Runner; readonly raw: Runner }
  readonly run: Run
  readonly rounds: number
  /** Of throughput, at least; of CPU time, at most. */
  readonly targets: { readonly throughput: number; readonly cpu: number }
}

export async function compare({ title, raw, sides, run, rounds, targets }: Comparison): Promise<void> {
  const { messages } = run
  const results = await pairs(
    rounds,
    () => measured(messages, () => sides.seam.run(run)),
    () => measured(messages, () => sides.raw.run(run)),
  )
  const rows = [
    ['waybill /s', results.map(({ a }) => a.perSecond), 0],
    [`${raw} /s`, results.map(({ b }) => b.perSecond), 0],
    [`ratio (target >= ${targets.throughput})`, results.map(({ a, b }) => a.perSecond / b.perSecond), 2],
    ['waybill CPU s per 100,000', results.map(({ a }) => a.cpuSecondsPer100k), 2],
    [`${raw} CPU s per 100,000`, results.map(({ b }) => b.cpuSecondsPer100k), 2],
    [`ratio (target <= ${targets.cpu})`, results.map(({ a, b }) => a.cpuSecondsPer100k / b.cpuSecondsPer100k), 2],
  ] as const
  console.log(`${title}: ${run.body.length} B, ${run.window} under way, ${rounds} pairs of ${messages}`)
  for (const [label, values, digits] of rows) console.log(`  ${label.padEnd(38)}${interval(values, digits)}`)
}
