import type { WireMessage } from '../../message/wire-message.ts'
import { headOf } from '../../message/stored-message.ts'

export interface Publication {
  readonly message: WireMessage
  /** A channel's key, or a return address. */
  readonly target: string
  readonly shard: number
  readonly delayMs: number
}

/**
 * The values of the statement that stores a batch. It can be run on any connection, inside any transaction: what it stores is
 * there when that commits.
 */
export function publicationValues(batch: readonly Publication[]): readonly unknown[] {
  const targets = new Map<string, number>()
  const heads = batch.map(({ message }) => Buffer.from(headOf(message)))
  const pieces: Uint8Array[] = []
  const columns: [number[], number[], number[], number[], number[], number[], string[], number[]] = [[], [], [], [], [], [], [], []] // prettier-ignore
  const [headAt, headLength, bodyAt, bodyLength, target, shards, types, delays] = columns
  let at = 1
  for (const [n, { message, target: to, shard, delayMs }] of batch.entries()) {
    const head = heads[n] as Buffer // one for each
    if (!targets.has(to)) targets.set(to, targets.size + 1)
    headAt.push(at)
    headLength.push(head.length)
    at += head.length
    bodyAt.push(at)
    bodyLength.push(message.body.length)
    at += message.body.length
    target.push(targets.get(to) as number) // set above
    shards.push(shard)
    types.push(message.type)
    delays.push(Math.ceil(delayMs))
    pieces.push(head, message.body)
  }
  return [
    Buffer.concat(pieces),
    headAt,
    headLength,
    bodyAt,
    bodyLength,
    target,
    [...targets.keys()],
    shards,
    types,
    delays,
  ]
}
