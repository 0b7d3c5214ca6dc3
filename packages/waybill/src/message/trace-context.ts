// W3C Trace Context level 1: the headers by which one trace runs through services and brokers.
//
//   traceparent = version "-" trace-id "-" parent-id "-" trace-flags      (section 3.2.2)
//   version     = 2HEXDIGLC    "00"; "ff" is invalid; a higher version may have more fields behind
//   trace-id    = 32HEXDIGLC   not all zero
//   parent-id   = 16HEXDIGLC   not all zero; the span that sent the message
//   trace-flags = 2HEXDIGLC    bit 0: sampled; the others are zero when we write
//
//   example: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01

export interface TraceParent {
  readonly traceId: string
  readonly parentId: string
  readonly sampled: boolean
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const NO_TRACE = '0'.repeat(32)
const NO_PARENT = '0'.repeat(16)

/** The parts of a `traceparent`, or `undefined` when it is not valid: then a new trace begins (section 3.2.2.3). */
export function parseTraceparent(text: string): TraceParent | undefined {
  const match = TRACEPARENT.exec(text)
  if (match === null) return undefined
  const [, version, traceId, parentId, flags, more] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ] // the groups above
  if (version === 'ff' || traceId === NO_TRACE || parentId === NO_PARENT) return undefined
  if (version === '00' && more !== undefined) return undefined
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Always of version 00, whichever version was received (section 4.3). */
export function formatTraceparent({ traceId, parentId, sampled }: TraceParent): string {
  return `00-${traceId}-${parentId}-${sampled ? '01' : '00'}`
}

/** A new span in the trace of `parent`. */
export function childSpan(parent: TraceParent, random: () => number): TraceParent {
  return { traceId: parent.traceId, parentId: nonZeroHex(2, random), sampled: parent.sampled }
}

/** A new trace. Sampled: otherwise every tracer that follows its parent would drop what this message causes. */
export function newTrace(random: () => number): TraceParent {
  return { traceId: nonZeroHex(4, random), parentId: nonZeroHex(2, random), sampled: true }
}

/** `words` times 32 random bits. */
function nonZeroHex(words: number, random: () => number): string {
  let hex = ''
  let bits = 0
  for (let i = 0; i < words; i++) {
    let word = Math.floor(random() * 0x1_0000_0000)
    bits |= word
    if (i === words - 1 && bits === 0) word = 1
    hex += byte(word >>> 24) + byte(word >>> 16) + byte(word >>> 8) + byte(word)
  }
  return hex
}

/** Looked up: numbers beyond 31 bits are slow to write, and each message has six. */
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'))

function byte(word: number): string {
  return BYTES[word & 255] as string // 256 of them
}
