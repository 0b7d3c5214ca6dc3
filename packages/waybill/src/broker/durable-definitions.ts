import type { DefinitionLog } from './definition-log.ts'
import { bindingId, type ExchangeDefinition } from './exchange/exchange.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { Durable } from './store/message-log.ts'
import { ByteReader } from './wire/byte-reader.ts'
import { ByteWriter } from './wire/byte-writer.ts'
import { readTable, writeTable, type FieldTable } from './wire/field-table.ts'

/** A durable binding to a queue, as the log has it. */
interface StoredBinding {
  readonly exchange: string
  readonly queue: string
  readonly key: string
  /** The arguments as a field table, in hexadecimal. */
  readonly arguments: string
}

/** A durable binding to an exchange, as the log has it. */
interface StoredLink {
  readonly exchange: string
  readonly destination: string
  readonly key: string
  readonly arguments: string
}

/** What a durable binding is known by. */
export interface BindingName {
  readonly source: string
  readonly to: 'queue' | 'exchange'
  readonly destination: string
  readonly key: string
  readonly arguments: FieldTable
}

export interface StoredQueue {
  readonly id: number
  readonly definition: QueueDefinition
}

const KEY = {
  exchange: (name: string) => `exchange ${name}`,
  queue: (name: string) => `queue ${name}`,
  binding: ({ source, to, destination, key, arguments: table }: BindingName) =>
    `${to === 'queue' ? 'binding' : 'link'} ${source} ${bindingId(destination, key, table)}`,
}

/** Writes the durable exchanges, queues and bindings of one virtual host. */
export class DurableDefinitions {
  readonly #log: DefinitionLog

  constructor(log: DefinitionLog) {
    this.#log = log
  }

  exchange(definition: ExchangeDefinition, done: Durable): void {
    this.#log.write(KEY.exchange(definition.name), definition, done)
  }

  removeExchange(name: string, done: Durable): void {
    this.#log.write(KEY.exchange(name), undefined, done)
  }

  queue(stored: StoredQueue, done: Durable): void {
    this.#log.write(KEY.queue(stored.definition.name), stored, done)
  }

  removeQueue(name: string, done: Durable): void {
    this.#log.write(KEY.queue(name), undefined, done)
  }

  binding(binding: BindingName, done: Durable): void {
    const { source: exchange, to, destination, key } = binding
    const rest = { key, arguments: encodeTable(binding.arguments) }
    const stored: StoredBinding | StoredLink =
      to === 'queue' ? { exchange, queue: destination, ...rest } : { exchange, destination, ...rest }
    this.#log.write(KEY.binding(binding), stored, done)
  }

  removeBinding(binding: BindingName, done: Durable): void {
    this.#log.write(KEY.binding(binding), undefined, done)
  }

  /** What is declared a second time is answered only once the first time is synced. */
  afterEarlier(done: Durable): void {
    this.#log.afterEarlier(done)
  }
}

/** What one virtual host holds, each kind in the order of its writing. */
export interface HostDefinitions {
  readonly exchanges: readonly ExchangeDefinition[]
  readonly queues: readonly StoredQueue[]
  readonly bindings: readonly BindingName[]
}

export function readDefinitions(definitions: ReadonlyMap<string, string>): HostDefinitions {
  const exchanges: ExchangeDefinition[] = []
  const queues: StoredQueue[] = []
  const bindings: BindingName[] = []
  for (const [key, text] of definitions) {
    // Written by this class, under checksums of the log.
    const value: unknown = JSON.parse(text)
    if (key.startsWith('exchange ')) exchanges.push(value as ExchangeDefinition)
    else if (key.startsWith('queue ')) queues.push(value as StoredQueue)
    else if (key.startsWith('binding ')) bindings.push(fromBinding(value as StoredBinding))
    else if (key.startsWith('link ')) bindings.push(fromLink(value as StoredLink))
  }
  return { exchanges, queues, bindings }
}

function fromBinding({ exchange, queue, key, arguments: table }: StoredBinding): BindingName {
  return { source: exchange, to: 'queue', destination: queue, key, arguments: decodeTable(table) }
}

function fromLink({ exchange, destination, key, arguments: table }: StoredLink): BindingName {
  return { source: exchange, to: 'exchange', destination, key, arguments: decodeTable(table) }
}

function encodeTable(table: FieldTable): string {
  const writer = new ByteWriter()
  writeTable(writer, table)
  return Buffer.from(writer.bytes()).toString('hex')
}

function decodeTable(hex: string): FieldTable {
  return readTable(new ByteReader(Buffer.from(hex, 'hex')))
}
