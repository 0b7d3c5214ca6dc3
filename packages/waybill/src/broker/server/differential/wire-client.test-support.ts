// A client that says whatever it is told to, frame by frame, and hands over what it hears, channel by channel.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { encodeProperties, type BasicProperties } from '../../wire/properties.ts'
import { encodeMethod, type Fields } from './amqp-methods.test-support.ts'
import { FRAME, Hearing, type Heard } from './hearing.test-support.ts'

export interface Publish {
  readonly exchange?: string | Uint8Array
  readonly routingKey?: string | Uint8Array
  readonly mandatory?: boolean
  readonly immediate?: boolean
  /** Encoded, or to be encoded. */
  readonly properties?: BasicProperties | Uint8Array
  readonly body?: string | Uint8Array
  /** The body in frames of so many octets each. */
  readonly frameOctets?: number
}

export interface Login {
  readonly user?: string
  readonly password?: string
  readonly mechanism?: string
  readonly response?: string | Uint8Array
  readonly clientProperties?: Fields
  readonly virtualHost?: string
  readonly channelMax?: number
  readonly frameMax?: number
  readonly heartbeat?: number
}

/** Where a server is. */
export interface Address {
  readonly host: string
  readonly port: number
}

export const HEADER: Buffer = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')
/** How long an answer may take before the test fails. */
const PATIENCE_MS = 8_000

export const ALL_CAPABILITIES: Fields = {
  capabilities: {
    publisher_confirms: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    authentication_failure_close: true,
  },
}

export class WireClient {
  readonly socket: Socket
  readonly #heard = new Map<number, Heard[]>()
  readonly #waiting = new Map<number, (heard: Heard) => void>()
  readonly #hearing = new Hearing((channel, heard) => this.#hear(channel, heard))
  /** What ended the connection: the server's connection.close, or the end of the stream. */
  #over: Heard | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#hearing.push(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#end({ name: 'end', fields: {} }))
  }

  /** A socket, and nothing said yet. */
  static async connect({ host, port }: Address): Promise<WireClient> {
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new WireClient(socket)
  }

  /** A socket that is connected, of TLS for instance. */
  static on(socket: Socket): WireClient {
    return new WireClient(socket)
  }

  /** A connection that is open, and its channel 1. */
  static async open(address: Address, login: Login = {}): Promise<WireClient> {
    const client = await WireClient.connect(address)
    await client.shakeHands(login)
    await client.call(1, 'channel.open')
    return client
  }

  /** Up to open-ok, or to what came instead. */
  async shakeHands(login: Login = {}): Promise<Heard> {
    this.write(HEADER)
    await this.hear(0)
    const tune = await this.logIn(login)
    if (tune.name !== 'connection.tune') return tune
    const { channelMax = tune.fields['channel-max'], frameMax = tune.fields['frame-max'] } = login
    this.say(0, 'connection.tune-ok', {
      'channel-max': channelMax ?? 0,
      'frame-max': frameMax ?? 0,
      heartbeat: login.heartbeat ?? 0,
    })
    return this.call(0, 'connection.open', { 'virtual-host': login.virtualHost ?? '/' })
  }

  /** start-ok, and what is answered. */
  logIn(login: Login = {}): Promise<Heard> {
    const { user = 'guest', password = 'guest', mechanism = 'PLAIN', clientProperties = ALL_CAPABILITIES } = login
    const response = login.response ?? `\0${user}\0${password}`
    return this.call(0, 'connection.start-ok', {
      'client-properties': clientProperties as Record<string, never>, // tables within tables
      mechanism,
      response,
      locale: 'en_US',
    })
  }

  get heartbeats(): number {
    return this.#hearing.heartbeats
  }

  /** Octets that came before any frame: a protocol header. */
  get preamble(): string {
    return this.#hearing.preamble
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  frame(type: number, channel: number, payload: Uint8Array = Buffer.alloc(0)): void {
    this.write(frameOf(type, channel, payload))
  }

  say(channel: number, method: string, fields: Fields = {}): void {
    this.frame(FRAME.method, channel, encodeMethod(method, fields))
  }

  /** Says it, and hears the next thing on the channel. */
  call(channel: number, method: string, fields: Fields = {}): Promise<Heard> {
    this.say(channel, method, fields)
    return this.hear(channel)
  }

  publish(channel: number, publish: Publish): void {
    this.write(Buffer.concat(publishFrames(channel, publish)))
  }

  /** The next thing on the channel; what ended the connection, once everything else has been heard. */
  async hear(channel: number, patienceMs = PATIENCE_MS): Promise<Heard> {
    const heard = this.#heard.get(channel)?.shift() ?? this.#over
    if (heard !== undefined) return heard
    let timer: NodeJS.Timeout | undefined
    const impatience = new Promise<never>((_resolve, reject) => {
      const patience = new Error(`nothing was heard on channel ${channel}`)
      timer = setTimeout(() => reject(patience), patienceMs)
    })
    try {
      return await Promise.race([new Promise<Heard>((resolve) => this.#waiting.set(channel, resolve)), impatience])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves when the server has ended the stream. */
  async ended(): Promise<void> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once('close', resolve))
  }

  /** Ends the connection without a word. */
  drop(): void {
    this.socket.destroy()
  }

  /** Ends it as a client should. */
  async close(): Promise<void> {
    if (this.#over === undefined) await this.call(0, 'connection.close', { 'reply-code': 200 })
    this.socket.destroy()
    await this.ended()
  }

  #hear(channel: number, heard: Heard): void {
    if (heard.name === 'connection.close') this.say(0, 'connection.close-ok')
    const waiting = this.#waiting.get(channel)
    this.#waiting.delete(channel)
    if (waiting !== undefined) waiting(heard)
    else this.#heard.set(channel, [...(this.#heard.get(channel) ?? []), heard])
    if (heard.name === 'connection.close') this.#end(heard)
    if (heard.name === 'connection.close-ok') this.#end({ name: 'end', fields: {} })
  }

  #end(how: Heard): void {
    this.#over ??= how
    for (const waiting of this.#waiting.values()) waiting(this.#over)
    this.#waiting.clear()
  }
}

export function frameOf(type: number, channel: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.of(0xce)])
}

/** Class and weight, size of the body, properties. */
export function headerPayload(bodyOctets: number, properties: Uint8Array, classId = 60): Buffer {
  const fixed = Buffer.alloc(12)
  fixed.writeUInt16BE(classId)
  fixed.writeBigUInt64BE(BigInt(bodyOctets), 4)
  return Buffer.concat([fixed, properties])
}

export function publishFrames(channel: number, publish: Publish): Buffer[] {
  const { exchange = '', routingKey = '', mandatory = false, immediate = false, properties = {} } = publish
  const body = Buffer.from(publish.body ?? '')
  const { frameOctets = 131_064 } = publish
  const encoded = properties instanceof Uint8Array ? properties : encodeProperties(properties)
  const frames = [
    frameOf(
      FRAME.method,
      channel,
      encodeMethod('basic.publish', { exchange, 'routing-key': routingKey, mandatory, immediate }),
    ),
    frameOf(FRAME.header, channel, headerPayload(body.length, encoded)),
  ]
  for (let at = 0; at < body.length; at += frameOctets)
    frames.push(frameOf(FRAME.body, channel, body.subarray(at, at + frameOctets)))
  return frames
}
