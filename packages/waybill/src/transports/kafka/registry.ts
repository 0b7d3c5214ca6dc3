// What the members of a cluster's services agree on: who owns a command, whether a group is ordered, where it began.
//
// A log of one partition, kept for ever: `waybill.topology`. A record's key is the question, its value the answer, and the
// first answer in the log holds; so two who ask at once agree, whatever they would have answered. A record without a value
// takes the answer back.
//
//   owner:<channel>           the service that has claimed it
//   order:<channel>:<group>   ordered | unordered
//   start:<group id>          {"<partition>":"<offset>",…}
//   visited:<group id>        1, once somebody has decided on its dead letters
import type { Session } from './session.ts'
import type { Fetcher } from './fetcher.ts'
import type { FetchedRecord } from './partition-reader.ts'
import { LATEST, offsetsOf } from './offsets.ts'
import type { Producer } from './producer.ts'
import { readPartition } from './read-partition.ts'
import { TOPOLOGY_TOPIC } from './topic-names.ts'

export interface RegistryLink {
  readonly session: Session
  readonly producer: Producer
  readonly fetcher: Fetcher
}

export class Registry {
  readonly #link: () => RegistryLink
  readonly #prepare: () => Promise<void>
  readonly #answers = new Map<string, string>()
  #offset = 0n
  #turn: Promise<unknown> = Promise.resolve()

  /** @param prepare makes the topic */
  constructor(link: () => RegistryLink, prepare: () => Promise<void>) {
    this.#link = link
    this.#prepare = prepare
  }

  /** The answer that holds: what is there already, or else `proposed`. */
  settle(question: string, propose: () => Promise<string> | string): Promise<string> {
    const run = this.#turn.then(() => this.#settle(question, propose))
    this.#turn = run.catch(() => undefined)
    return run
  }

  /** The answer that holds, if there is one. */
  find(question: string): Promise<string | undefined> {
    const run = this.#turn.then(() => this.#find(question))
    this.#turn = run.catch(() => undefined)
    return run
  }

  async #settle(question: string, propose: () => Promise<string> | string): Promise<string> {
    const found = await this.#find(question)
    if (found !== undefined) return found
    const stored = await this.#append(question, await propose())
    await this.#readTo(stored + 1n)
    return this.#answers.get(question) ?? (await this.#settle(question, propose)) // taken back meanwhile
  }

  async #find(question: string): Promise<string | undefined> {
    const known = this.#answers.get(question)
    if (known !== undefined) return known
    await this.#prepare()
    const end = await this.#end()
    // Another cluster by the same address: nothing that was read holds any more.
    if (end < this.#offset) {
      this.#answers.clear()
      this.#offset = 0n
    }
    await this.#readTo(end)
    return this.#answers.get(question)
  }

  async #end(): Promise<bigint> {
    const [end = 0n] = await offsetsOf(this.#link().session, TOPOLOGY_TOPIC, LATEST)
    return end
  }

  #append(question: string, answer: string): Promise<bigint> {
    const record = { key: Buffer.from(question), value: Buffer.from(answer), headers: new Map<Buffer, Buffer>() }
    return new Promise((resolve, reject) => {
      this.#link().producer.produce(TOPOLOGY_TOPIC, 0, record, record.value.length, (result) => {
        if (result.outcome === 'accepted') resolve(result.offset)
        else reject(result.error)
      })
    })
  }

  /** Reads what is missing, up to `end`. */
  async #readTo(end: bigint): Promise<void> {
    const range = { topic: TOPOLOGY_TOPIC, partition: 0, from: this.#offset, end }
    await readPartition(this.#link(), range, (record) => this.#learn(record))
  }

  #learn({ key, value, offset }: FetchedRecord): void {
    this.#offset = offset + 1n
    const question = key?.toString() ?? ''
    if (value === null) this.#answers.delete(question)
    else if (!this.#answers.has(question)) this.#answers.set(question, value.toString())
  }
}
