// `waybill explain`: what a system promises, before it runs.
import { readFileSync } from 'node:fs'
import type { BusOptions } from '../bus/settings/bus-options.ts'
import { busSettings, type BusSettings } from '../bus/settings/bus-settings.ts'
import { explainBus, type BusOutline, type EngineAnswers } from '../bus/explain/explain-bus.ts'
import { silentLogger } from '../bus/observation/logger.ts'
import { planSubscriptions } from '../bus/service/plan-subscriptions.ts'
import { resolveTransport, type TransportEnvironment } from '../bus/settings/resolve-transport.ts'
import { isWaybillError } from '../message/errors.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import { compareVerdicts } from '../verdict/compare-verdicts.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import { assumedAnswers, withEngine } from './engine-answers.ts'
import { exportedServices, type ExportedServices } from './exported-services.ts'
import { UsageError } from './usage-error.ts'
import { verdictLines } from './verdict-lines.ts'

/** As they come from the command line. */
export interface ExplainOptions {
  readonly url?: string
  readonly assume?: string
  readonly json?: boolean
  readonly check?: string
}

export interface ExplainOutput {
  readonly print: (line: string) => void
  readonly complain: (text: string) => void
}

/** Of sysexits.h where they are not 0 or 1. */
export const EXPLAIN_EXIT = { fine: 0, refused: 1, usage: 64, unavailable: 69 } as const

export const EXPLAIN_HELP = `The modules export services, and contracts whose messages are sent, under any name; \`transport\` and
\`busOptions\`, where they are exported, are what createBus() would be given. Nothing is started, declared or consumed.

Exit codes:
  0   everything can be kept
  1   a route is refused, or --check found a difference
  64  wrong arguments, or a module that cannot be loaded
  69  the engine cannot be asked`

/** Prints what the services of these modules promise; returns the exit code. */
export async function explainServices(
  files: readonly string[],
  options: ExplainOptions,
  environment: TransportEnvironment,
  { print, complain }: ExplainOutput,
): Promise<number> {
  try {
    const exported = await exportedServices(files)
    const { outline, settings } = outlineOf(exported)
    const explain = (engine: EngineAnswers): Promise<Verdicts> => explainBus(outline, engine)
    const verdicts =
      options.assume === undefined
        ? await withEngine(await factoryOf(exported.options, options.url, environment), settings, explain)
        : await explain(assumedAnswers(options.assume))
    const changes = options.check === undefined ? [] : changesSince(options.check, verdicts)
    if (options.json === true) print(JSON.stringify(verdicts, undefined, 2))
    else if (options.check === undefined) verdictLines(verdicts).forEach(print)
    changes.forEach(complain)
    const refused = [...verdicts.routes, ...verdicts.sends]
      .flatMap(({ problems }) => problems)
      .filter(({ level }) => level === 'refused')
    if (options.json === true || options.check !== undefined)
      for (const { code, what, cure } of refused) complain(`REFUSED ${code}: ${what}\n  cure: ${cure}`)
    return changes.length + refused.length === 0 ? EXPLAIN_EXIT.fine : EXPLAIN_EXIT.refused
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Refused || isWaybillError(error))) throw error
    complain(error.message)
    if (error instanceof UsageError) return EXPLAIN_EXIT.usage
    return isWaybillError(error) && error.scope === 'connection' ? EXPLAIN_EXIT.unavailable : EXPLAIN_EXIT.refused
  }
}

/** Options that no bus takes, and services that cannot run beside each other: as refused as the rest. */
class Refused extends Error {}

/** @throws {Refused} */
function outlineOf({ options, messages }: ExportedServices): { outline: BusOutline; settings: BusSettings } {
  const { services = [], declare = [] } = options
  try {
    const settings = busSettings({ ...options, logger: silentLogger })
    return { outline: { plans: planSubscriptions(services), messages: [...declare, ...messages], settings }, settings }
  } catch (error) {
    throw error instanceof TypeError ? new Refused(error.message, { cause: error }) : error
  }
}

/** An address on the command line goes before what the modules say, and that before the environment. */
async function factoryOf(
  { transport }: BusOptions,
  url: string | undefined,
  environment: TransportEnvironment,
): Promise<TransportFactory> {
  if (url === undefined && transport !== undefined) return transport
  return (await resolveTransport({ ...environment, url: url ?? environment.url })).factory
}

/** @throws {UsageError} */
function changesSince(file: string, verdicts: Verdicts): readonly string[] {
  try {
    return compareVerdicts(JSON.parse(readFileSync(file, 'utf8')), verdicts)
  } catch (error) {
    throw new UsageError(`${file} cannot be compared with: ${error instanceof Error ? error.message : String(error)}`)
  }
}
