import { isWaybillError } from '../../../message/errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { Registry } from '../registry.ts'
import type { Group } from '../../../transport/transport.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { EARLIEST, LATEST, offsetsOf } from '../offsets.ts'
import { readPartition } from '../read-partition.ts'
import { namesOf } from '../topic-names.ts'
import { LetterLog } from './letter-log.ts'

/** A removal is kept for a day after the cleaner has come by: who has not looked for longer may have missed one. */
const TRUSTED_FOR_MS = 3_600_000

const MOST_TRIES = 10

interface Known {
  /** Of the topic: one that was made anew is another. */
  readonly topicId: string
  log: LetterLog
  lookedAt: number
}

/** The letters of each `--dead` topic that was asked for. What was read once is not read again. */
export class DeadLetterIndex {
  readonly #runtime: Runtime
  readonly #registry: Registry
  readonly #known = new Map<string, Known>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #own: string
  /** Visits from here that are under way. */
  readonly #visits = new Set<string>()
  #count = 0

  constructor(runtime: Runtime, registry: Registry) {
    this.#runtime = runtime
    this.#registry = registry
    this.#own = runtime.newId()
  }

  /** Until somebody visits them, nothing but letters is there, and none has to be read to be counted. */
  async count(link: KafkaLink, group: Group): Promise<number> {
    const { dead } = namesOf(group)
    if ((await link.session.topic(dead)) === undefined) return 0
    if (await this.#isVisited(group)) return (await this.read(link, group)).letters.size
    const [[latest = 0n], [earliest = 0n]] = await Promise.all([
      offsetsOf(link.session, dead, LATEST),
      offsetsOf(link.session, dead, EARLIEST),
    ])
    return Number(latest - earliest)
  }

  /** Its name. */
  begin(): string {
    const visit = `${this.#own}.${++this.#count}`
    this.#visits.add(visit)
    return visit
  }

  end(visit: string): void {
    this.#visits.delete(visit)
  }

  /** One from here, which has ended, and may have left its note when the link broke. */
  isOver(visit: string): boolean {
    return visit.startsWith(`${this.#own}.`) && !this.#visits.has(visit)
  }

  /** From now on there may be other records than letters. */
  async visited(group: Group): Promise<void> {
    await this.#registry.settle(question(group), () => '1')
  }

  /** The log as it is now. Its end of now is its position. */
  read(link: KafkaLink, group: Group): Promise<LetterLog> {
    const { dead } = namesOf(group)
    const turn = (this.#turns.get(dead) ?? Promise.resolve()).then(() => this.#read(link, dead))
    this.#turns.set(dead, turn.catch(() => undefined)) // prettier-ignore
    return turn
  }

  async #isVisited(group: Group): Promise<boolean> {
    return (await this.#registry.find(question(group))) !== undefined
  }

  async #read(link: KafkaLink, topic: string): Promise<LetterLog> {
    for (let tries = 1; ; tries++)
      try {
        return await this.#readOn(link, topic)
      } catch (error) {
        // A visit has let the broker forget its beginning meanwhile.
        if (tries === MOST_TRIES || !isWaybillError(error, 'WAYBILL_POSITION_GONE')) throw error
      }
  }

  async #readOn(link: KafkaLink, topic: string): Promise<LetterLog> {
    const { session } = link
    const topicId = (await session.topic(topic))?.id ?? ''
    const [[latest = 0n], [earliest = 0n]] = await Promise.all([
      offsetsOf(session, topic, LATEST),
      offsetsOf(session, topic, EARLIEST),
    ])
    const now = this.#runtime.monotonic()
    let known = this.#known.get(topic)
    if (known?.topicId !== topicId || now - known.lookedAt > TRUSTED_FOR_MS || latest < known.log.position) {
      known = { topicId, log: new LetterLog(Number(earliest)), lookedAt: now }
      this.#known.set(topic, known)
    }
    const { log } = known
    log.trimmed(Number(earliest))
    const range = { topic, partition: 0, from: BigInt(log.position), end: latest }
    await readPartition(link, range, (record) => log.learn(record, now))
    known.lookedAt = now
    return log
  }
}

function question(group: Group): string {
  return `visited:${namesOf(group).id}`
}
