import { bindingId, type ExchangeDefinition } from './exchange/exchange.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { Durable, MessageLog } from './store/message-log.ts'
import { ByteReader } from './wire/byte-reader.ts'
import { ByteWriter } from './wire/byte-writer.ts'
import { readTable, writeTable, type FieldTable } from './wire/field-table.ts'

/** A durable binding as the log has it. */
export interface StoredBinding {
  readonly exchange: string
  readonly queue: string
  readonly key: string
  /** The arguments as a field table, in hexadecimal. */
  readonly arguments: string
}

export interface StoredQueue {
  readonly id: number
  readonly definition: QueueDefinition
}

const KEY = {
  exchange: (name: string) => `exchange ${name}`,
  queue: (name: string) => `queue ${name}`,
  binding: (exchange: string, id: string) => `binding ${exchange} ${id}`,
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

  binding(exchange: string, queue: string, key: string, table: FieldTable, done: Durable): void {
    const stored: StoredBinding = { exchange, queue, key, arguments: encodeTable(table) }
    this.#write(KEY.binding(exchange, bindingId(queue, key, table)), stored, done)
  }

  removeBinding(exchange: string, id: string, done: Durable): void {
    this.#write(KEY.binding(exchange, id), undefined, done)
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
  readonly bindings: readonly StoredBinding[]
} {
  const exchanges: ExchangeDefinition[] = []
  const queues: StoredQueue[] = []
  const bindings: StoredBinding[] = []
  for (const [key, text] of definitions) {
    // Written by this class, under checksums of the log.
    const value: unknown = JSON.parse(text)
    if (key.startsWith('exchange ')) exchanges.push(value as ExchangeDefinition)
    else if (key.startsWith('queue ')) queues.push(value as StoredQueue)
    else if (key.startsWith('binding ')) bindings.push(value as StoredBinding)
  }
  return { exchanges, queues, bindings }
}

function encodeTable(table: FieldTable): string {
  const writer = new ByteWriter()
  writeTable(writer, table)
  return Buffer.from(writer.bytes()).toString('hex')
}

export function decodeTable(hex: string): FieldTable {
  return readTable(new ByteReader(Buffer.from(hex, 'hex')))
}
