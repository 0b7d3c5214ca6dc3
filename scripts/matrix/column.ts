import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Capabilities } from '../../packages/waybill/src/transport/engine-facts.ts'
import { ENGINES } from '../conformance/engines.ts'
import type { Outcome, SuiteResult } from '../conformance/run-suite.ts'

/** One run of the whole suite on one engine, as it is committed. */
export interface Column {
  readonly engine: string
  readonly version: string
  /** Of the last run, `2026-11-21`. */
  readonly date: string
  readonly node: string
  readonly capabilities: Capabilities
  readonly outcomes: Readonly<Record<string, Outcome>>
  readonly reasons: Readonly<Record<string, string>>
}

const FOLDER = new URL('../../docs/guarantees/', import.meta.url)

export function columnOf({ facts, outcomes, reasons }: SuiteResult, now: Date): Column {
  const { engine, version, capabilities } = facts
  const date = now.toISOString().slice(0, 10)
  return { engine, version, date, node: process.versions.node, capabilities, outcomes, reasons }
}

export function saveColumn(name: string, column: Column): void {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(fileOf(name), `${JSON.stringify(column, undefined, 2)}\n`)
}

/** Those that were run at least once, by the engine's name, in the order of the table of engines. */
export function savedColumns(): readonly (readonly [name: string, column: Column])[] {
  return Object.keys(ENGINES).flatMap((name) => {
    const column = read(name)
    return column === undefined ? [] : [[name, column] as const]
  })
}

function read(name: string): Column | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8')) as Column // written by saveColumn
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`${name}.json`, FOLDER))
}
