import { Exchange, type Bound, type Destination } from '../../exchange/exchange.ts'
import type { Queue } from '../../queue/queue.ts'
import { EMPTY_TABLE, type FieldTable } from '../../wire/field-table.ts'
import type { JsonObject } from '../../wire/json.ts'
import { tableJson } from '../../wire/table-json.ts'
import { propertiesKey } from './properties-key.ts'

/** A binding as it is shown; those of the default exchange are nowhere else. */
export interface ShownBinding {
  readonly source: string
  readonly destination: string
  readonly to: 'queue' | 'exchange'
  readonly key: string
  readonly arguments: FieldTable
}

export function shownBinding({ source, destination, key, arguments: table }: Bound<Queue>): ShownBinding {
  return { source: source.name, destination: destination.name, to: kindOf(destination), key, arguments: table }
}

/** The default exchange leads to every queue by its name. */
export function defaultBinding({ name }: Queue): ShownBinding {
  return { source: '', destination: name, to: 'queue', key: name, arguments: EMPTY_TABLE }
}

/** @param virtualHost its name */
export function bindingJson(virtualHost: string, binding: ShownBinding): JsonObject {
  return {
    ...bindingDefinitionJson(binding),
    vhost: virtualHost,
    properties_key: propertiesKey(binding),
  }
}

/** What a binding is made again by. */
export function bindingDefinitionJson({ source, destination, to, key, arguments: table }: ShownBinding): JsonObject {
  return { source, destination, destination_type: to, routing_key: key, arguments: tableJson(table) }
}

function kindOf(destination: Destination<Queue>): ShownBinding['to'] {
  return destination instanceof Exchange ? 'exchange' : 'queue'
}
