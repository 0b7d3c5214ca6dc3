import { Subscriber, queueDefinition } from '../../packages/waybill/src/broker/broker.test-support.ts'
import type { Broker } from '../../packages/waybill/src/broker/broker.ts'
import type { ConfirmSink } from '../../packages/waybill/src/broker/message.ts'
import { encodeProperties } from '../../packages/waybill/src/broker/wire/properties.ts'

const QUEUE = 'torture'
const KEYS = 16
const OUTSTANDING = 128
/** Above this, nearly everything is acknowledged, so that the backlog has a bound. */
const BACKLOG = 3_000
/** Nothing is sent while more are waiting to be delivered, so that most lives see the whole of the queue. */
const MOST_READY = 1_000

const PROPERTIES = encodeProperties({ deliveryMode: 2 })

function bodyOf(key: string, n: number): string {
  return `${key} ${n} ${'.'.repeat((n * 379) % 2_000)}`
}

/** Publishes and consumes as fast as it can, and writes down everything: see ledger.ts for the lines. */
export class Workload implements ConfirmSink {
  readonly #broker: Broker
  readonly #random: () => number
  readonly #write: (lines: string) => void
  readonly #life: number
  #sent = 0
  #outstanding = 0
  #unsettled = 0
  #confirmed: string[] = []
  #stopped = false

  constructor(broker: Broker, life: number, random: () => number, write: (lines: string) => void) {
    this.#broker = broker
    this.#life = life
    this.#random = random
    this.#write = write
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#broker.root.declareQueue(queueDefinition(QUEUE), this.#broker.root.connect(), (error) =>
        error === undefined ? resolve() : reject(error),
      )
    })
    this.#write(`o ${this.#broker.root.findQueue(QUEUE)?.ready ?? 0}\n`)
    this.#consume()
    this.#publish()
  }

  stop(): void {
    this.#stopped = true
  }

  #consume(): void {
    const subscriber = new Subscriber(this.#broker.root, QUEUE, { prefetch: 0 })
    const tags: number[] = []
    const lines: string[] = []
    subscriber.receive = (tag, message, deliveryCount) => {
      const text = Buffer.from(message.body).toString()
      const [key = '', n = ''] = text.split(' ')
      lines.push(text === bodyOf(key, Number(n)) ? `d ${key} ${n} ${deliveryCount}` : `x ${key} ${n} was changed`)
      this.#unsettled++
      if (this.#random() > (this.#unsettled > BACKLOG ? 0.02 : 0.4)) {
        lines.push(`a ${key} ${n}`)
        tags.push(tag)
      }
    }
    subscriber.flush = () => {
      if (lines.length === 0) return
      this.#write(`${lines.splice(0).join('\n')}\n`)
      this.#unsettled -= tags.length
      for (const tag of tags.splice(0)) subscriber.channel.ack(tag)
      this.#publish()
    }
  }

  #publish(): void {
    if (this.#stopped || (this.#broker.root.findQueue(QUEUE)?.ready ?? 0) > MOST_READY) return
    const batch: [key: string, n: number][] = []
    while (this.#outstanding + batch.length < OUTSTANDING) {
      const n = this.#life * 1_000_000 + this.#sent++
      batch.push([`k${n % KEYS}`, n])
    }
    if (batch.length > 0) this.#write(batch.map(([key, n]) => `s ${key} ${n}\n`).join(''))
    this.#outstanding += batch.length
    for (const [key, n] of batch) {
      const body = Buffer.from(bodyOf(key, n))
      this.#broker.root.publish(
        { exchange: '', routingKey: QUEUE, properties: PROPERTIES, body, origin: undefined },
        { persistent: true },
        this,
        n,
      )
    }
  }

  confirmed(n: number, outcome: string, error: Error | undefined): void {
    this.#outstanding--
    const key = `k${n % KEYS}`
    if (outcome !== 'accepted') {
      this.#write(`x ${key} ${n}: ${error?.message ?? outcome}\n`)
      return
    }
    if (this.#confirmed.push(`c ${key} ${n}\n`) > 1) return
    // Written together, and more is sent, when the rest of the group has been confirmed.
    queueMicrotask(() => {
      this.#write(this.#confirmed.splice(0).join(''))
      this.#publish()
    })
  }
}
