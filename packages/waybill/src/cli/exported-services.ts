// What a user's modules export that a bus could run. Things are known by their shape: the module may have been given another
// copy of the package.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BusOptions } from '../bus/settings/bus-options.ts'
import type { Service } from '../bus/service/service.ts'
import type { AnyContracted } from '../contract/contract.ts'
import { UsageError } from './usage-error.ts'

export interface ExportedServices {
  /** The export `busOptions`, with all services, and the export `transport`. */
  readonly options: BusOptions
  /** Of contracts: what may be sent. */
  readonly messages: readonly AnyContracted[]
}

/**
 * Imports the modules; TypeScript is Node's own affair. Services and contracts are exports of any name, alone or in a list.
 *
 * @throws {UsageError} when one cannot be imported, no service or contract is exported, or two export one of the names above
 */
export async function exportedServices(files: readonly string[]): Promise<ExportedServices> {
  const exported: (readonly [name: string, value: unknown])[] = []
  for (const file of files) exported.push(...Object.entries(await imported(file)))
  const values = exported.flatMap(([, value]) => (Array.isArray(value) ? (value as unknown[]) : [value]))
  const options = named(exported, 'busOptions') as BusOptions | undefined // createBus would check it likewise
  const transport = named(exported, 'transport') as BusOptions['transport']
  const services = [...new Set([...(options?.services ?? []), ...values.filter(isService)])]
  const messages = values.flatMap((value) =>
    isContracted(value) ? [value] : isContract(value) ? messagesOf(value) : [],
  )
  if (services.length === 0 && messages.length === 0)
    throw new UsageError(`${files.join(', ')}: no service and no contract is exported`)
  return { options: { ...options, services, ...(transport === undefined ? {} : { transport }) }, messages }
}

async function imported(file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as object
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function named(exported: readonly (readonly [name: string, value: unknown])[], wanted: string): unknown {
  const found = [...new Set(exported.filter(([name]) => name === wanted).map(([, value]) => value))]
  if (found.length > 1) throw new UsageError(`${wanted} is exported by several modules`)
  return found[0]
}

function isService(value: unknown): value is Service {
  return isRecord(value) && Array.isArray(value['registrations']) && typeof value['answer'] === 'function'
}

function isContracted(value: unknown): value is AnyContracted {
  return isRecord(value) && typeof value['type'] === 'string' && isRecord(value['channel']) && isRecord(value['body'])
}

function isContract(value: unknown): value is Readonly<Record<string, AnyContracted>> {
  if (!isRecord(value)) return false
  const messages = Object.values(value)
  return messages.length > 0 && messages.every(isContracted)
}

function messagesOf(contract: Readonly<Record<string, AnyContracted>>): readonly AnyContracted[] {
  return Object.values(contract)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
