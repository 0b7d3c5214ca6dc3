import { CLAUSES } from '../../packages/waybill/src/conformance/clauses.ts'
import type { Harness } from '../../packages/waybill/src/conformance/harnesses/embedded-harness.ts'
import { transportConformance } from '../../packages/waybill/src/conformance/transport-conformance.ts'
import type { EngineFacts } from '../../packages/waybill/src/transport/engine-facts.ts'

/** `refused`: the engine refuses what the clause is about, and the clause has shown that asking for it fails. */
export type Outcome = 'native' | 'supplied' | 'refused' | 'failed' | 'skipped'

export interface SuiteResult {
  readonly facts: EngineFacts
  /** By the clause's title, in the suite's order. */
  readonly outcomes: Readonly<Record<string, Outcome>>
  /** Why clauses were skipped, by title. */
  readonly reasons: Readonly<Record<string, string>>
}

export interface SuiteOptions {
  readonly select: (clause: { readonly title: string; readonly long: boolean }) => boolean
  readonly print: (line: string) => void
}

/** Runs the clauses one after the other, and closes the harness. */
export async function runSuite(harness: Harness, { select, print }: SuiteOptions): Promise<SuiteResult> {
  const facts = await factsOf(harness)
  const outcomes: Record<string, Outcome> = {}
  const reasons: Record<string, string> = {}
  const clauses: { readonly title: string; readonly run: () => Promise<void> }[] = []
  transportConformance({
    ...harness,
    test: (title, run) => clauses.push({ title, run }),
    skip: (title, reason) => {
      outcomes[title] = 'skipped'
      reasons[title] = reason
      print(`skip  ${title}: ${reason}`)
    },
    select,
  })
  for (const { title, run } of clauses) {
    const startedAt = performance.now()
    const took = (): string => `${Math.round(performance.now() - startedAt)} ms`
    try {
      await run()
      outcomes[title] = supportOf(title, facts)
      print(`pass  ${title}  ${took()}`)
    } catch (error) {
      outcomes[title] = 'failed'
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      print(`FAIL  ${title}  ${took()}\n${text.replaceAll(/^/gm, '        ')}`)
    }
  }
  await harness.close()
  return { facts, outcomes, reasons }
}

export function count(result: SuiteResult, ...kinds: readonly Outcome[]): number {
  return Object.values(result.outcomes).filter((outcome) => kinds.includes(outcome)).length
}

/** `rabbitmq 3.10.8: 174 passed, 0 failed, 0 skipped` */
export function summary(result: SuiteResult): string {
  const passed = count(result, 'native', 'supplied', 'refused')
  const { engine, version } = result.facts
  return `${engine} ${version}: ${passed} passed, ${count(result, 'failed')} failed, ${count(result, 'skipped')} skipped`
}

/** The least of what the clause needs. */
function supportOf(title: string, { capabilities }: EngineFacts): Outcome {
  const { needs = ['durableGroups'] } = CLAUSES.find((clause) => clause.title === title) ?? {}
  const support = needs.map((capability) => capabilities[capability])
  if (support.includes('refused')) return 'refused'
  return support.includes('supplied') ? 'supplied' : 'native'
}

/** As the engine itself tells them. */
async function factsOf(harness: Harness): Promise<EngineFacts> {
  const { transport, dispose } = await harness.createTransport()
  const facts = await transport.connect(AbortSignal.timeout(30_000))
  await dispose()
  return facts
}
