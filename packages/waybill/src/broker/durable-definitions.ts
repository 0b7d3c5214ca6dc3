import { bindingId, type ExchangeDefinition } from './exchange/exchange.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { Durable, MessageLog } from './store/message-log.ts'
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

/** Writes durable exchanges, queues and bindings to the log, where there is one. `done` is called at once where there is none. */
export class DurableDefinitions {
  readonly #log: MessageLog | undefined
  #unsynced = 0
  #waiting: Durable[] = []

  constructor(log: MessageLog | undefined) {
    this.#log = log
  }

  exchange(definition: ExchangeDefinition, done: Durable): void {
    this.#write(KEY.exchange(definition.name), definition, done)
  }

  removeExchange(name: string, done: Durable): void {
    this.#write(KEY.exchange(name), undefined, done)
  }

  queue(stored: StoredQueue, done: Durable): void {
    this.#write(KEY.queue(stored.definition.name), stored, done)
  }

  removeQueue(name: string, done: Durable): void {
    this.#write(KEY.queue(name), undefined, done)
  }

  binding(binding: BindingName, done: Durable): void {
    const { source: exchange, to, destination, key } = binding
    const rest = { key, arguments: encodeTable(binding.arguments) }
    const stored: StoredBinding | StoredLink =
      to === 'queue' ? { exchange, queue: destination, ...rest } : { exchange, destination, ...rest }
    this.#write(KEY.binding(binding), stored, done)
  }

  removeBinding(binding: BindingName, done: Durable): void {
    this.#write(KEY.binding(binding), undefined, done)
  }

  /** What is declared a second time is answered only once the first time is synced. */
  afterEarlier(done: Durable): void {
    if (this.#unsynced === 0) done(undefined)
    else this.#waiting.push(done)
  }

  #write(key: string, definition: object | undefined, done: Durable): void {
    if (this.#log === undefined) return done(undefined)
    this.#unsynced++
    this.#log.define(key, definition === undefined ? undefined : JSON.stringify(definition), (error) => {
      done(error)
      if (--this.#unsynced > 0) return
      for (const waiting of this.#waiting.splice(0)) waiting(error)
    })
  }
}

/** What the definitions of a recovered log are, each in the order of its writing. */
export function readDefinitions(definitions: ReadonlyMap<string, string>): {
  readonly exchanges: readonly ExchangeDefinition[]
  readonly queues: readonly StoredQueue[]
  readonly bindings: readonly BindingName[]
} {
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
