/** Texts that are remembered, so that none is said twice; beyond it nothing more is said. */
const MOST_SAID = 1_000

/** Says what is taken here and refused by newer RabbitMQ (from 4.3, by default): once for each name. */
export class DiscouragedUses {
  readonly #say: (text: string) => void
  readonly #said = new Set<string>()

  constructor(say: (text: string) => void) {
    this.#say = say
  }

  transientQueue(vhost: string, name: string): void {
    // Each of those that the broker names has another name.
    const queue = name.startsWith('amq.gen-') ? 'amq.gen-*' : name
    this.#once(`queue '${queue}' in vhost '${vhost}' is neither durable nor exclusive, which RabbitMQ 4.3 refuses`)
  }

  globalPrefetch(vhost: string, user: string): void {
    this.#once(`user '${user}' in vhost '${vhost}' sets a global prefetch (basic.qos), which RabbitMQ 4.3 refuses`)
  }

  #once(text: string): void {
    if (this.#said.size >= MOST_SAID || this.#said.has(text)) return
    this.#said.add(text)
    this.#say(text)
  }
}
