import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FRAME, FRAME_OVERHEAD_OCTETS, FrameScanner, type FrameHandler } from '../../wire/frame-scanner.ts'
import { METHOD } from '../../wire/methods/method-ids.ts'

/** What amqplib makes of a frame: the client that most of Node speaks through must be able to read all that we write. */
interface Codec {
  readonly decodeFrame: (frame: { type: number; channel: number; size: number; payload: Buffer }) => {
    readonly id?: number
    readonly size?: number
    readonly fields?: Readonly<Record<string, unknown>>
  }
}

const require = createRequire(import.meta.url)
const amqplib = require(join(dirname(require.resolve('amqplib')), 'lib', 'frame.js')) as Codec

const CONTENT_METHODS: readonly number[] = [METHOD.basicDeliver, METHOD.basicGetOk, METHOD.basicReturn]
const LARGEST_FRAME = 131_072

const KNOWN = new Map<number, string>(Object.entries(METHOD).map(([name, id]) => [id, name]))

export function nameOfMethod(id: number): string {
  return KNOWN.get(id) ?? 'unknown'
}

interface HeardChannel {
  lastTag: number
  /** All publishes up to here have been confirmed, and those of `ahead`. */
  confirmed: number
  readonly ahead: Set<number>
  isClosing: boolean
}

/** Hears what the server says to one client, and notes everything that it must not say. */
export class Witness implements FrameHandler {
  readonly suspended = false
  readonly violations: string[] = []
  /** What closed channels and connections, without names and numbers. */
  readonly closes = new Set<string>()
  readonly channels = new Map<number, HeardChannel>()
  octets = 0
  /** Largest frame that the client agreed to. */
  frameMax = LARGEST_FRAME
  phase: 'header' | 'handshake' | 'running' | 'closing' | 'closed' = 'header'
  readonly #scanner = new FrameScanner(this, Number.MAX_SAFE_INTEGER)
  #content: { readonly channel: number; left: number; hasHeader: boolean } | undefined

  heard(octets: Buffer): void {
    const isFirst = this.octets === 0
    this.octets += octets.length
    if (isFirst && octets.subarray(0, 4).toString('latin1') === 'AMQP') {
      this.phase = 'closed'
      return
    }
    this.#try('frames', () => this.#scanner.push(octets))
  }

  frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void {
    const payload = Buffer.from(bytes.subarray(start, end))
    if (this.phase === 'closed') return this.#violation(`a frame of type ${type} behind the end of the connection`)
    if (payload.length + FRAME_OVERHEAD_OCTETS > this.frameMax && type !== FRAME.header)
      this.#violation(`a frame of ${payload.length} octets where ${this.frameMax} were agreed`)
    this.#try('amqplib', () => {
      const frame = amqplib.decodeFrame({ type, channel, size: payload.length, payload })
      if (type === FRAME.method) this.#method(channel, frame.id ?? 0, frame.fields ?? {})
      else if (type === FRAME.header) this.#header(channel, frame.size ?? 0)
      else if (type === FRAME.body) this.#body(channel, payload.length)
      else if (channel !== 0) this.#violation('a heartbeat on a channel')
    })
  }

  /** Whether each of the publishes of a channel was confirmed. */
  hasConfirmed(channel: number, published: number): boolean {
    const heard = this.channels.get(channel)
    return heard === undefined || (heard.confirmed === published && heard.ahead.size === 0)
  }

  #method(number: number, id: number, fields: Readonly<Record<string, unknown>>): void {
    if (this.#content !== undefined) this.#violation(`method ${id.toString(16)} within a content`)
    if (this.phase === 'closing' && id !== METHOD.connectionCloseOk)
      this.#violation(`method ${id.toString(16)} behind connection.close`)
    if (number === 0) return this.#connectionMethod(id, fields)
    if (this.phase !== 'running') this.#violation(`method ${id.toString(16)} on a channel while ${this.phase}`)
    if (id === METHOD.channelOpenOk) {
      if (this.channels.has(number)) this.#violation(`channel ${number} is opened twice`)
      this.channels.set(number, { lastTag: 0, confirmed: 0, ahead: new Set(), isClosing: false })
      return
    }
    const channel = this.channels.get(number)
    // A close that crossed ours is answered.
    if (id === METHOD.channelCloseOk) {
      this.channels.delete(number)
      return
    }
    if (channel === undefined) return this.#violation(`method ${id.toString(16)} on channel ${number}, which is closed`)
    if (id === METHOD.channelClose) {
      this.channels.delete(number)
      this.#close('channel', fields)
    } else if (id === METHOD.basicAck || id === METHOD.basicNack) this.#confirm(channel, fields)
    else if (CONTENT_METHODS.includes(id)) {
      this.#content = { channel: number, left: 0, hasHeader: false }
      if (id !== METHOD.basicReturn) this.#delivery(channel, Number(fields['deliveryTag']))
    }
  }

  #connectionMethod(id: number, fields: Readonly<Record<string, unknown>>): void {
    if (id === METHOD.connectionStart) this.phase = 'handshake'
    else if (id === METHOD.connectionOpenOk) this.phase = 'running'
    else if (id === METHOD.connectionCloseOk) this.phase = 'closed'
    else if (id === METHOD.connectionClose) {
      this.phase = 'closing'
      this.#close('connection', fields)
    }
  }

  #header(channel: number, size: number): void {
    const content = this.#content
    if (content?.channel !== channel || content.hasHeader) return this.#violation('a header out of place')
    content.hasHeader = true
    content.left = size
    if (size === 0) this.#content = undefined
  }

  #body(channel: number, octets: number): void {
    const content = this.#content
    if (content?.channel !== channel || !content.hasHeader || octets === 0 || octets > content.left)
      return this.#violation('a body out of place')
    content.left -= octets
    if (content.left === 0) this.#content = undefined
  }

  #delivery(channel: HeardChannel, tag: number): void {
    if (tag !== channel.lastTag + 1) this.#violation(`delivery tag ${tag} behind ${channel.lastTag}`)
    channel.lastTag = tag
  }

  #confirm(channel: HeardChannel, fields: Readonly<Record<string, unknown>>): void {
    const tag = Number(fields['deliveryTag'])
    if (tag <= channel.confirmed || channel.ahead.has(tag)) this.#violation(`publish ${tag} is confirmed twice`)
    if (fields['multiple'] === true) {
      channel.confirmed = Math.max(channel.confirmed, tag)
      for (const each of channel.ahead) if (each <= tag) channel.ahead.delete(each)
    } else channel.ahead.add(tag)
    while (channel.ahead.delete(channel.confirmed + 1)) channel.confirmed++
  }

  #close(what: string, fields: Readonly<Record<string, unknown>>): void {
    const { replyCode, replyText, classId, methodId } = fields
    const text = String(replyText)
      .replaceAll(/'[^']*'?|"[^"]*"?/g, "''")
      .replaceAll(/\d+/g, '#')
    const method = nameOfMethod(Number(classId) * 0x1_0000 + Number(methodId))
    this.closes.add(`${what} ${method} ${Number(replyCode)} ${text.slice(0, 60)}`)
    if (Number(replyCode) === 541) this.#violation(`internal error: ${String(replyText)}`)
  }

  #try(what: string, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#violation(`${what}: ${String(error)}`)
    }
  }

  #violation(text: string): void {
    if (this.violations.length < 20) this.violations.push(text)
  }
}
