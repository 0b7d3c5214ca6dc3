// Who answers for an engine: itself, or its documentation.
import type { BusSettings } from '../bus/settings/bus-settings.ts'
import type { EngineAnswers } from '../bus/explain/explain-bus.ts'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import type { Transport } from '../transport/transport.ts'
import { assumedEngine, ASSUMED_ENGINES } from './assumed-engines.ts'

type Patience = Pick<BusSettings, 'runtime' | 'startTimeoutMs'>

/**
 * Connects, lets `use` go to work, and closes.
 *
 * @throws {WaybillError} `WAYBILL_NOT_CONNECTED` when connecting takes too long; otherwise what the transport says
 */
export async function withTransport<T>(
  factory: TransportFactory,
  { runtime, startTimeoutMs }: Patience,
  use: (transport: Transport) => Promise<T>,
): Promise<T> {
  const transport = await factory(runtime)
  const abort = new AbortController()
  const timer = runtime.setTimer(startTimeoutMs, () => {
    abort.abort(
      new WaybillError('WAYBILL_NOT_CONNECTED', `${transport.name} did not answer within ${startTimeoutMs} ms`),
    )
  })
  // Waiting for the engine is what this process is for.
  const release = runtime.keepAlive()
  try {
    await transport.connect(abort.signal)
    timer.cancel()
    return await use(transport)
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error
  } finally {
    timer.cancel()
    await transport.close(0)
    release()
  }
}

/**
 * Connects, lets `ask` ask, and closes, all within the start time-out.
 *
 * @throws {WaybillError} `WAYBILL_NOT_CONNECTED` when that takes too long; otherwise what the transport says
 */
export async function withEngine<T>(
  factory: TransportFactory,
  { runtime, startTimeoutMs }: Patience,
  ask: (engine: EngineAnswers) => Promise<T>,
): Promise<T> {
  const transport = await factory(runtime)
  const abort = new AbortController()
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = runtime.setTimer(startTimeoutMs, () => {
    const what = `${transport.name} did not answer within ${startTimeoutMs} ms`
    const error = new WaybillError('WAYBILL_NOT_CONNECTED', what)
    abort.abort(error)
    reject(error)
  })
  const asking = async (): Promise<T> => {
    const facts = await transport.connect(abort.signal)
    const sendsWithin = transport.sendWithin !== undefined
    return await ask({ facts, routeFacts: routeFactsOf(transport, facts), sendsWithin })
  }
  try {
    return await Promise.race([asking(), tooLate])
  } finally {
    timer.cancel()
    await transport.close(0)
  }
}

/** @param name as `--assume` has it */
export function assumedAnswers(name: string): EngineAnswers {
  const { facts, routeFacts, sendsWithin } = assumedEngine(name)
  return { facts, routeFacts: (group) => Promise.resolve(routeFacts(group)), sendsWithin: sendsWithin === true }
}

/** Of a channel that is not there yet: what is assumed of such an engine. */
function routeFactsOf(transport: Transport, { engine, version }: EngineAnswers['facts']): EngineAnswers['routeFacts'] {
  return async (group) => {
    try {
      return await transport.routeFacts(group)
    } catch (error) {
      // Of those that keep a channel's settings with the channel.
      if (!isWaybillError(error, 'WAYBILL_NOT_FOUND') || !ASSUMED_ENGINES.includes(engine)) throw error
      return assumedEngine(`${engine}@${version}`).routeFacts(group)
    }
  }
}
