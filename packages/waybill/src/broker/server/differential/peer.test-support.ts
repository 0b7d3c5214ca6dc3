// A client of a script: what it hears is written down in words that two brokers can be compared by.
import { textOf, type Fields } from './amqp-methods.test-support.ts'
import { shownProperties } from './shown-properties.test-support.ts'
import type { Heard } from './hearing.test-support.ts'
import type { Publish, WireClient } from './wire-client.test-support.ts'

/** Names of a script's own, which replies must contain where they are about them. */
export interface Names {
  /** What was heard, without what differs from run to run. */
  normal(text: string): string
  /** Which of the script's names are in the text. */
  in(text: string): readonly string[]
}

export class Peer {
  readonly wire: WireClient
  readonly #label: string
  readonly #log: string[]
  readonly #names: Names
  /** Publishes that were confirmed, by channel. */
  readonly #confirmed = new Map<number, Set<number>>()

  constructor(wire: WireClient, label: string, log: string[], names: Names) {
    this.wire = wire
    this.#label = label
    this.#log = log
    this.#names = names
  }

  say(channel: number, method: string, fields: Fields = {}): void {
    this.wire.say(channel, method, fields)
  }

  publish(channel: number, publish: Publish): void {
    this.wire.publish(channel, publish)
  }

  /** Writes down the next thing on the channel. */
  async hear(channel: number): Promise<Heard> {
    const heard = await this.wire.hear(channel)
    this.note(`${channel}: ${this.#shown(heard)}`)
    return heard
  }

  async hearAll(channel: number, count: number): Promise<readonly Heard[]> {
    const all: Heard[] = []
    for (let n = 0; n < count; n++) all.push(await this.hear(channel))
    return all
  }

  /** Says it, and writes down what is answered. */
  ask(channel: number, method: string, fields: Fields = {}): Promise<Heard> {
    this.say(channel, method, fields)
    return this.hear(channel)
  }

  /** Says it, and whatever it is that is answered, if anything: all that comes before the answer to another question. */
  async tell(channel: number, method: string, fields: Fields = {}): Promise<void> {
    this.say(channel, method, fields)
    await this.rest(channel)
  }

  /** Writes down all that comes on the channel before the answer to a question without consequences. */
  async rest(channel: number): Promise<void> {
    this.say(channel, 'access.request')
    for (;;) {
      const heard = await this.wire.hear(channel)
      if (heard.name === 'access.request-ok') return
      this.note(`${channel}: ${this.#shown(heard)}`)
      if (isEnd(heard) || heard.name === 'channel.close') return
    }
  }

  /** Hears confirms until so many more publishes are settled, and writes down how each of them was, in their order. */
  async confirms(channel: number, count: number): Promise<void> {
    const confirmed = this.#confirmed.get(channel) ?? new Set()
    this.#confirmed.set(channel, confirmed)
    const settled = new Map<number, string>()
    while (settled.size < count) {
      const heard = await this.wire.hear(channel)
      if (heard.name !== 'basic.ack' && heard.name !== 'basic.nack') {
        this.note(`${channel}: ${this.#shown(heard)}`)
        if (isEnd(heard) || heard.name === 'channel.close') return
        continue
      }
      const last = Number(heard.fields['delivery-tag'])
      for (let tag = heard.fields['multiple'] === true ? 1 : last; tag <= last; tag++) {
        if (!confirmed.has(tag)) settled.set(tag, heard.name.slice('basic.'.length))
        confirmed.add(tag)
      }
    }
    const inOrder = [...settled].toSorted(([a], [b]) => a - b)
    this.note(`${channel}: confirmed ${inOrder.map(([tag, how]) => `${how} ${tag}`).join(', ')}`)
  }

  note(text: string): void {
    this.#log.push(`${this.#label}${text}`)
  }

  #shown(heard: Heard): string {
    const { name, fields, content } = heard
    if (name.endsWith('.close')) {
      const names = this.#names.in(textOf(fields['reply-text'])).join()
      return `${name} ${textOf(fields['reply-code'])} for ${textOf(fields['class'])}.${textOf(fields['method'])} [${names}]`
    }
    const shown = Object.entries(fields)
      .filter(([field]) => !field.startsWith('reserved'))
      .map(([field, value]) => `${field}=${textOf(value)}`)
    if (content !== undefined) {
      shown.push(`properties=${JSON.stringify(shownProperties(content.properties))}`)
      const { body } = content
      shown.push(body.length <= 64 ? `body=${body.toString()}` : `body of ${body.length} in ${content.frames.join()}`)
    }
    return this.#names.normal([name, ...shown].join(' '))
  }
}

function isEnd({ name }: Heard): boolean {
  return name === 'end' || name === 'connection.close'
}
