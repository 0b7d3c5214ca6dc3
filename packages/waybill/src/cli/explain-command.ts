// `waybill explain`: what a system promises, before it runs.
import { readFileSync } from 'node:fs'
import type { BusOptions } from '../bus/bus.ts'
import { busSettings, type BusSettings } from '../bus/bus-settings.ts'
import { explainBus, type BusOutline, type EngineAnswers } from '../bus/explain-bus.ts'
import { silentLogger } from '../bus/logger.ts'
import { planSubscriptions } from '../bus/plan.ts'
import { resolveTransport } from '../bus/resolve-transport.ts'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import type { Transport } from '../transport/transport.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import { compareVerdicts } from '../verdict/compare-verdicts.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import { assumedEngine, ASSUMED_ENGINES } from './assumed-engines.ts'
import { exportedServices } from './exported-services.ts'
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
  environment: { readonly url: string | undefined; readonly mode: string | undefined; readonly cwd: string },
  { print, complain }: ExplainOutput,
): Promise<number> {
  try {
    const exported = await exportedServices(files)
    const settings = busSettings({ ...exported.options, logger: silentLogger })
    const outline = outlineOf(exported.options, exported.messages, settings)
    const verdicts =
      options.assume === undefined
        ? await askEngine(await factoryOf(exported.options, options.url, environment), outline, settings)
        : await explainBus(outline, assumedAnswers(options.assume))
    const changes = options.check === undefined ? [] : compareVerdicts(readJson(options.check), verdicts)
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
    // Options that no bus takes, and services that cannot run beside each other, are as refused as the rest.
    if (!(error instanceof UsageError || error instanceof TypeError || isWaybillError(error))) throw error
    complain(error.message)
    if (error instanceof UsageError) return EXPLAIN_EXIT.usage
    return isWaybillError(error) && error.scope === 'connection' ? EXPLAIN_EXIT.unavailable : EXPLAIN_EXIT.refused
  }
}

function outlineOf(options: BusOptions, messages: BusOutline['messages'], settings: BusSettings): BusOutline {
  const { services = [], declare = [] } = options
  return { plans: planSubscriptions(services), messages: [...declare, ...messages], settings }
}

async function factoryOf(
  { transport }: BusOptions,
  url: string | undefined,
  environment: { readonly url: string | undefined; readonly mode: string | undefined; readonly cwd: string },
): Promise<TransportFactory> {
  if (url === undefined && transport !== undefined) return transport
  return (await resolveTransport({ ...environment, url: url ?? environment.url })).factory
}

async function askEngine(factory: TransportFactory, outline: BusOutline, settings: BusSettings): Promise<Verdicts> {
  const transport = await factory(settings.runtime)
  const abort = new AbortController()
  const timer = settings.runtime.setTimer(settings.startTimeoutMs, () => {
    const what = `${transport.name} did not answer within ${settings.startTimeoutMs} ms`
    abort.abort(new WaybillError('WAYBILL_NOT_CONNECTED', what))
  })
  try {
    const facts = await transport.connect(abort.signal)
    return await explainBus(outline, { facts, routeFacts: routeFactsOf(transport, facts) })
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error
  } finally {
    timer.cancel()
    await transport.close(0)
  }
}

/** Of a channel that is not there yet: what is assumed of such an engine. */
function routeFactsOf(transport: Transport, { engine, version }: EngineAnswers['facts']): EngineAnswers['routeFacts'] {
  return async (group) => {
    try {
      return await transport.routeFacts(group)
    } catch (error) {
      // Those that keep a channel's settings with the channel.
      if (!isWaybillError(error, 'WAYBILL_NOT_FOUND') || !ASSUMED_ENGINES.includes(engine)) throw error
      return assumedEngine(`${engine}@${version}`).routeFacts(group)
    }
  }
}

function assumedAnswers(name: string): EngineAnswers {
  const { facts, routeFacts } = assumedEngine(name)
  return { facts, routeFacts: (group) => Promise.resolve(routeFacts(group)) }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
