// The tables of docs/guarantees.md, from the columns.
import { CLAUSES } from '../../packages/waybill/src/conformance/clauses.ts'
import type { Capability } from '../../packages/waybill/src/transport/engine-facts.ts'
import { ENGINES } from '../conformance/engines.ts'
import type { Outcome } from '../conformance/run-suite.ts'
import type { Column } from './column.ts'

type Columns = readonly (readonly [name: string, column: Column])[]

/** By the name of the marker `<!-- table: name -->`. */
export const TABLES: Readonly<Record<string, (columns: Columns) => string>> = {
  engines: (columns) =>
    table(
      ['Engine', 'Version', 'Passed', 'of these refused', 'Failed', 'Skipped', 'Run on', 'Command'],
      columns.map(([name, column]) => [
        titleOf(name),
        column.version,
        count(column, 'native', 'supplied', 'refused'),
        count(column, 'refused'),
        count(column, 'failed'),
        count(column, 'skipped'),
        column.date,
        `\`npm run conformance -- --transport ${name}\``,
      ]),
    ),
  capabilities: (columns) =>
    table(
      ['Capability', ...titles(columns)],
      capabilitiesOf(columns).map((capability) => [
        `\`${capability}\``,
        ...columns.map(([, { capabilities }]) => capabilities[capability] ?? 'not asked'),
      ]),
    ),
  clauses: (columns) =>
    table(
      ['Clause', ...titles(columns)],
      CLAUSES.map(({ title }) => [title, ...columns.map(([, { outcomes }]) => outcomes[title] ?? 'not run')]),
    ),
  skipped: (columns) => {
    const lines = columns.flatMap(([name, { reasons }]) =>
      Object.entries(reasons).map(([title, reason]) => `- ${titleOf(name)}: ${title}: ${reason}`),
    )
    return lines.length === 0 ? 'No clause was skipped.' : lines.join('\n')
  },
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function titles(columns: Columns): readonly string[] {
  return columns.map(([name]) => titleOf(name))
}

function titleOf(name: string): string {
  return ENGINES[name]?.title ?? name
}

function count({ outcomes }: Column, ...kinds: readonly Outcome[]): number {
  return Object.values(outcomes).filter((outcome) => kinds.includes(outcome)).length
}

function capabilitiesOf(columns: Columns): readonly Capability[] {
  return [...new Set(columns.flatMap(([, { capabilities }]) => Object.keys(capabilities)))] as Capability[] // keys of it
}
