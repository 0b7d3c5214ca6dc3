import { FRAME } from '../../wire/frame-scanner.ts'
import { METHOD } from '../../wire/methods/method-ids.ts'
import type { Session } from '../session.ts'
import { nameOfMethod } from './witness.test-support.ts'

interface CountedChannel {
  confirms: boolean
  published: number
  /** Octets of the body of the publish that has begun; `undefined` before its header. */
  content: { left: number | undefined } | undefined
}

/**
 * Follows a session from within: counts the publishes of the channels that are to be confirmed, and notes what it was told
 * and what it said to that, which is how far a conversation has come.
 */
export class SessionTap {
  readonly channels = new Map<number, CountedChannel>()
  readonly reached = new Set<string>()
  #said: string[] = []

  constructor(session: Session) {
    const { frames } = session
    const take = session.frame.bind(session)
    const write = frames.method.bind(frames)
    frames.method = (channel, method) => {
      this.#said.push(nameOfMethod(method))
      if (method === METHOD.channelOpenOk)
        this.channels.set(channel, { confirms: false, published: 0, content: undefined })
      if (method === METHOD.channelClose || method === METHOD.channelCloseOk) this.channels.delete(channel)
      return write(channel, method)
    }
    session.frame = (type, channel, bytes, start, end) => {
      const { state } = session
      this.#note(state, 'later')
      const method = type === FRAME.method && end - start >= 4 ? bytes.readUInt32BE(start) : 0
      const size = type === FRAME.header && end - start >= 12 ? Number(bytes.readBigUInt64BE(start + 4)) : 0
      try {
        take(type, channel, bytes, start, end)
        if (session.state === 'closing') this.channels.clear()
        this.#follow(this.channels.get(channel), type, method, type === FRAME.body ? end - start : size)
      } finally {
        this.#note(state, type === FRAME.method ? nameOfMethod(method) : `frame ${type < 9 ? type : 'unknown'}`)
      }
    }
  }

  #follow(channel: CountedChannel | undefined, type: number, method: number, octets: number): void {
    if (channel === undefined) return
    if (method === METHOD.confirmSelect) channel.confirms = true
    if (method === METHOD.basicPublish) channel.content = { left: undefined }
    const { content } = channel
    if (content === undefined || type === FRAME.method) return
    content.left = type === FRAME.header ? octets : (content.left ?? 0) - octets
    if (content.left > 0) return
    channel.content = undefined
    if (channel.confirms) channel.published++
  }

  #note(state: string, heard: string): void {
    if (heard !== 'later' && this.#said.length === 0) this.reached.add(`${state} ${heard}`)
    for (const method of this.#said) this.reached.add(`${state} ${heard} -> ${method}`)
    this.#said = []
  }
}
