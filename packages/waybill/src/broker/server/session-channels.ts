import { isWaybillError } from '../../message/errors.ts'
import { ReplyError } from '../reply-error.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import { FRAME } from '../wire/frame-scanner.ts'
import { writeChannelOpenOk } from '../wire/methods/channel-methods.ts'
import { writeClose, writePlain } from '../wire/methods/close-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import { ChannelSession, type ChannelHost } from './channel-session.ts'
import { BodyTooLarge } from './content-receiver.ts'

/**
 * The channels of one connection.
 *
 *   closed --open--> open --close--> closed
 *                    open --error--> closing --close-ok--> closed
 */
export class SessionChannels {
  readonly #host: ChannelHost
  readonly #open: (ChannelSession | undefined)[] = []
  /** Channels that we have closed and whose clients have not answered: what comes on them is passed over. */
  readonly #closing = new Set<number>()
  readonly #confirming = new Set<ChannelSession>()
  #isPaused = false

  constructor(host: ChannelHost) {
    this.#host = host
  }

  get all(): readonly ChannelSession[] {
    return this.#open.filter((channel) => channel !== undefined)
  }

  /** A frame on a channel other than 0. @throws {ConnectionError} what closes the connection */
  frame(type: number, number: number, bytes: Buffer, start: number, end: number): void {
    const channel = this.#open[number]
    const method = methodIn(type, bytes, start, end)
    try {
      if (channel === undefined) this.#unopened(type, number, method)
      else if (type === FRAME.body) channel.body(bytes, start, end)
      else if (type === FRAME.header) channel.header(bytes, start, end)
      else if (type === FRAME.method) this.#method(channel, method, bytes, start, end)
      else throw strange(type, number)
    } catch (error) {
      this.#caught(number, type, method, error)
    }
  }

  /** Runs what a channel does outside of its frames, for `method`: what it throws closes the channel, or is thrown on. */
  attempt(channel: ChannelSession, method: number, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#caught(channel.number, FRAME.method, method, error)
    }
  }

  /** The channel has confirms to write at the end of this turn. */
  confirming(channel: ChannelSession): void {
    this.#confirming.add(channel)
  }

  flushConfirms(): void {
    for (const channel of this.#confirming) channel.flushConfirms()
    this.#confirming.clear()
  }

  /** While the socket is full, consumers get nothing. */
  pauseDeliveries(isPaused: boolean): void {
    this.#isPaused = isPaused
    for (const channel of this.#open) if (channel !== undefined) channel.channel.isPaused = isPaused
  }

  /** Ends all channels, without a word. */
  release(): void {
    for (const channel of this.#open.splice(0)) channel?.close()
    this.#confirming.clear()
  }

  #method(channel: ChannelSession, method: number, bytes: Buffer, start: number, end: number): void {
    if (end - start < 4) throw new ConnectionError(501, 'a method frame ends within the number of its method')
    if (channel.isReceiving) throw new ConnectionError(505, 'a method where content was expected', METHOD.basicPublish)
    if (method === METHOD.channelOpen) throw new ConnectionError(504, "second 'channel.open' seen", method)
    if (method !== METHOD.channelClose) return channel.method(method, bytes, start + 4, end)
    this.#forget(channel)
    writePlain(this.#host.frames, channel.number, METHOD.channelCloseOk)
    this.#host.wrote()
  }

  /** A frame on a channel that is not open, or that we are closing. */
  #unopened(type: number, number: number, method: number): void {
    if (type !== FRAME.method && type !== FRAME.header && type !== FRAME.body) throw strange(type, number)
    if (this.#closing.has(number)) return this.#closingFrame(number, method)
    if (type !== FRAME.method) throw new ConnectionError(505, `a content frame on channel ${number}, which is not open`)
    // The answer to a close that crossed ours.
    if (method === METHOD.channelCloseOk) return
    if (method !== METHOD.channelOpen) throw notOpen(number, method)
    const { channelMax } = this.#host
    if (number > channelMax) {
      const what = `channel ${number} is above the negotiated channel_max (${channelMax})`
      throw new ConnectionError(530, what, method)
    }
    const channel = new ChannelSession(number, this.#host)
    channel.channel.isPaused = this.#isPaused
    this.#open[number] = channel
    writeChannelOpenOk(this.#host.frames, number)
    this.#host.wrote()
  }

  #closingFrame(number: number, method: number): void {
    if (method === METHOD.channelOpen) throw notOpen(number, method)
    if (method !== METHOD.channelClose && method !== METHOD.channelCloseOk) return
    this.#closing.delete(number)
    if (method === METHOD.channelCloseOk) return
    writePlain(this.#host.frames, number, METHOD.channelCloseOk)
    this.#host.wrote()
  }

  #caught(number: number, type: number, method: number, error: unknown): void {
    const refused = type === FRAME.method ? method : METHOD.basicPublish
    if (error instanceof ReplyError) {
      if (error.closes === 'connection') throw new ConnectionError(530, error.what, refused)
      this.#close(number, error.replyCode, error.replyText, refused)
    } else if (error instanceof BodyTooLarge) {
      this.#close(number, 406, `PRECONDITION_FAILED - ${error.message}`, refused)
    } else if (isWaybillError(error, 'WAYBILL_MALFORMED')) {
      throw new ConnectionError(type === FRAME.method ? 501 : 502, error.message, refused)
    } else throw error
  }

  #close(number: number, replyCode: number, replyText: string, refused: number): void {
    const channel = this.#open[number]
    if (channel === undefined) return
    this.#forget(channel)
    this.#closing.add(number)
    writeClose(this.#host.frames, number, METHOD.channelClose, { replyCode, replyText, refused })
    this.#host.wrote()
  }

  #forget(channel: ChannelSession): void {
    channel.flushConfirms()
    this.#confirming.delete(channel)
    this.#open[channel.number] = undefined
    channel.close()
  }
}

function methodIn(type: number, bytes: Buffer, start: number, end: number): number {
  return type === FRAME.method && end - start >= 4 ? bytes.readUInt32BE(start) : 0
}

function notOpen(number: number, method: number): ConnectionError {
  return new ConnectionError(504, `expected 'channel.open' on channel ${number}`, method)
}

function strange(type: number, number: number): ConnectionError {
  return type === FRAME.heartbeat
    ? new ConnectionError(505, `a heartbeat on channel ${number}`)
    : new ConnectionError(501, `frames of type ${type} do not exist`)
}
