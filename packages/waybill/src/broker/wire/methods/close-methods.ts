// What ends a connection or a channel with a reason, and methods that have no arguments.
//
//   connection.close, channel.close = reply-code:short-uint reply-text:short-string class-id:short-uint
//                                     method-id:short-uint
import type { FrameWriter } from '../frame-writer.ts'
import { classOf, methodOf } from './method-ids.ts'

export interface Close {
  readonly replyCode: number
  readonly replyText: string
  /** The method that was refused; 0 when it was none. */
  readonly refused: number
}

export function writeClose(frames: FrameWriter, channel: number, method: number, close: Close): void {
  const out = frames.method(channel, method)
  out.short(close.replyCode)
  out.shortString(shortened(close.replyText))
  out.short(classOf(close.refused))
  out.short(methodOf(close.refused))
  frames.end()
}

/** Any method without arguments. */
export function writePlain(frames: FrameWriter, channel: number, method: number): void {
  frames.method(channel, method)
  frames.end()
}

/** A short string has 255 octets; a text that quotes a long name may have more. */
function shortened(text: string): string {
  if (Buffer.byteLength(text) <= 255) return text
  const cut = Buffer.from(text)
    .subarray(0, 252)
    .toString('utf8')
    .replace(/\uFFFD+$/u, '')
  return `${cut}...`
}
