import type { Verdict } from './verdict.ts'

export function reportOf(verdict: Verdict): string {
  const { steps, latency } = verdict
  const rows: readonly (readonly [string, string | number])[] = [
    ['orders confirmed by the broker', verdict.confirmed],
    ['placed', steps.placed],
    ['stock reserved or refused', steps.reserved],
    ['paid or declined', steps.paid],
    ['shipped', steps.shipped],
    ['refused (sold out, card declined)', steps.refused],
    ['customer told', steps.told],
    ...verdict.dead.map(({ where, why, count }) => [`dead letter in ${where}: ${why}`, count] as const),
    ['duplicates seen', verdict.duplicates],
    ['outcome unknown at the shop (killed before the confirm)', verdict.unknown.length],
    ['latency from order to customer, p50 / p99', `${latency.p50} / ${latency.p99} ms`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    `lost: ${verdict.lost.length}`,
    ...verdict.lost.slice(0, 10),
  ].join('\n')
}
