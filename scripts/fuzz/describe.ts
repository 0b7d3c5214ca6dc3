import { decodeMethod } from '../../packages/waybill/src/broker/server/differential/amqp-methods.test-support.ts'
import type { Conversation } from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'

/** A conversation for people: a line to a step, and to a frame where it is one. */
export function describeConversation(conversation: Conversation): string {
  return conversation
    .map((step) =>
      step.what === 'say' ? `client ${step.client}: ${describeOctets(step.octets)}` : JSON.stringify(step),
    )
    .join('\n')
}

function describeOctets(octets: Buffer): string {
  const lines: string[] = []
  let at = 0
  while (at + 8 <= octets.length) {
    const end = at + 7 + octets.readUInt32BE(at + 3)
    if (octets[end] !== 0xce) break
    lines.push(describeFrame(octets[at] ?? 0, octets.readUInt16BE(at + 1), octets.subarray(at + 7, end)))
    at = end + 1
  }
  if (at < octets.length) lines.push(`${octets.length - at} octets ${shown(octets.subarray(at))}`)
  return lines.join('\n          ')
}

function describeFrame(type: number, channel: number, payload: Buffer): string {
  if (type !== 1) return `[${channel}] type ${type} ${shown(payload)}`
  try {
    const { name, fields } = decodeMethod(payload)
    return `[${channel}] ${name} ${JSON.stringify(fields).slice(0, 300)}`
  } catch {
    return `[${channel}] method ${shown(payload)}`
  }
}

function shown(octets: Buffer): string {
  return octets.subarray(0, 120).toString('hex') + (octets.length > 120 ? '...' : '')
}
