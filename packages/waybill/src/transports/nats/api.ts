import type {
  ConsumerConfig,
  ConsumerInfo,
  JetStreamManager,
  StoredMsg,
  StreamConfig,
  StreamInfo,
} from '@nats-io/jetstream'
import { apiCode, isMissing, operationError } from './nats-errors.ts'

/** Durations of the API are in nanoseconds. */
export const NANOS = 1_000_000

/** "maximum consumers limit"-like answers aside, what a second creation with other settings is answered. */
const CONSUMER_EXISTS: ReadonlySet<number> = new Set([10_012, 10_013, 10_105, 10_148])
const STREAM_EXISTS = 10_058
/** For what is not there, and for nothing else on a stream that permits it. */
const MESSAGE_DELETE_FAILED = 10_057

/** JetStream's API, with what is missing told from what failed. */
export class Api {
  readonly #manager: JetStreamManager

  constructor(manager: JetStreamManager) {
    this.#manager = manager
  }

  /** `undefined` when there is no such stream. */
  async stream(name: string, subjects?: string): Promise<StreamInfo | undefined> {
    const options = subjects === undefined ? undefined : { subjects_filter: subjects }
    return await found(`stream ${name}`, this.#manager.streams.info(name, options))
  }

  /** The stream that has the subject. */
  async streamOf(subject: string): Promise<string | undefined> {
    return await found(`the stream of ${subject}`, this.#manager.streams.find(subject))
  }

  /** One that exists, with whatever settings, is left as it is. */
  async ensureStream(config: Partial<StreamConfig> & { readonly name: string }): Promise<void> {
    try {
      await this.#manager.streams.add(config)
    } catch (error) {
      if (apiCode(error) !== STREAM_EXISTS) throw operationError(`stream ${config.name}`, error)
    }
  }

  async consumer(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    return await found(`consumer ${name} of ${stream}`, this.#manager.consumers.info(stream, name))
  }

  async createConsumer(stream: string, config: Partial<ConsumerConfig>): Promise<ConsumerInfo> {
    const name = config.durable_name ?? config.name ?? ''
    try {
      return await this.#manager.consumers.add(stream, config)
    } catch (error) {
      // Somebody else was quicker; or a client is older than the settings, which then stand.
      const there = CONSUMER_EXISTS.has(apiCode(error) ?? 0) ? await this.consumer(stream, name) : undefined
      if (there !== undefined) return there
      throw operationError(`consumer ${name} of ${stream}`, error)
    }
  }

  async setFilter(stream: string, name: string, filter: string): Promise<void> {
    try {
      await this.#manager.consumers.update(stream, name, { filter_subject: filter })
    } catch (error) {
      throw operationError(`consumer ${name} of ${stream}`, error)
    }
  }

  async deleteConsumer(stream: string, name: string): Promise<void> {
    await found(`consumer ${name} of ${stream}`, this.#manager.consumers.delete(stream, name))
  }

  async consumers(stream: string): Promise<readonly ConsumerInfo[]> {
    try {
      const all: ConsumerInfo[] = []
      for await (const info of this.#manager.consumers.list(stream)) all.push(info)
      return all
    } catch (error) {
      throw operationError(`stream ${stream}`, error)
    }
  }

  /** The sequence of the last message that is older than `time`: what a consumer that begins there says of itself. */
  async sequenceBefore(stream: string, time: number): Promise<number> {
    const { name, delivered } = await this.createConsumer(stream, {
      name: `when+${time}`,
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 5_000 * NANOS,
      deliver_policy: 'by_start_time',
      opt_start_time: new Date(time).toISOString(),
    })
    await this.deleteConsumer(stream, name)
    return delivered.stream_seq
  }

  /** The first message of the subject from that sequence on; `undefined` when there is none. */
  async message(stream: string, subject: string, from: number): Promise<StoredMsg | undefined> {
    // The client's types leave the subject out, which servers know since 2.9.
    const query = { seq: from, next_by_subj: subject }
    return (await found(`stream ${stream}`, this.#manager.streams.getMessage(stream, query))) ?? undefined
  }

  /** The sequence of the last message under such subjects; 0 when there is none. */
  async lastOf(stream: string, subjects: string): Promise<number> {
    const asked = this.#manager.streams.getMessage(stream, { last_by_subj: subjects })
    return (await found(`stream ${stream}`, asked))?.seq ?? 0
  }

  /** Removes one message. `false`: it is not there any more. */
  async deleteMessage(stream: string, sequence: number): Promise<boolean> {
    try {
      return await this.#manager.streams.deleteMessage(stream, sequence, false)
    } catch (error) {
      if (apiCode(error) === MESSAGE_DELETE_FAILED) return false
      throw operationError(`message ${sequence} of stream ${stream}`, error)
    }
  }

  /** Removes everything under one subject. */
  async purgeSubject(stream: string, subject: string): Promise<void> {
    try {
      await this.#manager.streams.purge(stream, { filter: subject })
    } catch (error) {
      throw operationError(`subject ${subject} of stream ${stream}`, error)
    }
  }

  /** Removes what lies before `sequence`. */
  async purge(stream: string, sequence: number): Promise<number> {
    try {
      return (await this.#manager.streams.purge(stream, { seq: sequence })).purged
    } catch (error) {
      throw operationError(`stream ${stream}`, error)
    }
  }
}

async function found<T>(entity: string, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && error.message === 'no stream matches subject')) return undefined
    throw operationError(entity, error)
  }
}
