// A visit to the dead letters of a group, which lie under one subject of the side stream. Reading by sequence takes nothing. What
// a letter turns into is published first, under an id made of its sequence, and the letter is deleted when the stream has said
// that it is stored: who tries again within the stream's window for duplicates stores nothing twice.
import { WaybillError } from '../../message/errors.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { Group } from '../../transport/transport.ts'
import { visitInBatches, type Decided, type Letter } from '../../transport/visit-in-batches.ts'
import type { Context } from './context.ts'
import { decodeMessage } from './message-mapping.ts'
import { isOrdered, isStored, shardOfMessage } from './names.ts'
import type { Publication, PublishResult } from './publisher.ts'
import { redrivenPublication, replacedPublication } from './settlement.ts'
import type { Wire } from './wire.ts'

/** Requests to the server at a time. */
const MOST_DELETIONS = 64

interface SideMessage extends Letter {
  readonly sequence: number
}

export async function visitDeadLetters(context: Context, group: Group, visit: DeadLetterVisit): Promise<void> {
  // Whose failure is answered at once has no dead letters.
  if (!isStored(group.channel)) return
  const { names } = context
  const wire = context.wire()
  const side = names.side(group.channel)
  const [stream, consumer] = await Promise.all([
    wire.api.stream(side),
    wire.api.consumer(side, names.retryConsumer(group)),
  ])
  if (stream === undefined || consumer === undefined)
    throw new WaybillError('WAYBILL_NOT_FOUND', `channel ${group.channel.name} has no group ${group.name}`)
  const last = stream.state.last_seq
  let shown = 0
  const next = async (most: number): Promise<readonly SideMessage[]> => {
    const letters: SideMessage[] = []
    while (letters.length < most && shown < last) {
      const found = await wire.api.message(side, names.deadLetters(group), shown + 1)
      shown = found === undefined ? last : found.seq
      if (found !== undefined && found.seq <= last)
        letters.push({ sequence: found.seq, message: decodeMessage(found.header, found.data) })
    }
    return letters
  }
  await visitInBatches(visit, next, (decided) => carryOut(decided, context, wire, group))
}

async function carryOut(
  decided: readonly Decided<SideMessage>[],
  context: Context,
  wire: Wire,
  group: Group,
): Promise<void> {
  const { names } = context
  const ends = isOrdered(group) ? await endsOf(decided, context, wire, group) : undefined
  const publicationOf = ({ letter: { sequence }, decision }: Decided<SideMessage>): Publication | undefined => {
    if (decision.action === 'remove') return undefined
    const { action, message } = decision
    if (action === 'replace') return replacedPublication(message, group, sequence, names)
    return redrivenPublication(message, group, sequence, names, ends?.get(shardOfMessage(group.channel, message)))
  }
  const publications = decided.map(publicationOf)
  const results = await wire.publisher.publish(publications.filter((each) => each !== undefined))
  const gone: number[] = []
  let failure: Error | undefined
  let answered = 0
  for (const [n, publication] of publications.entries()) {
    const { letter } = decided[n] as Decided<SideMessage> // one for each
    const error = publication === undefined ? undefined : errorOf(results[answered++], publication)
    if (error === undefined) gone.push(letter.sequence)
    failure ??= error
  }
  const side = names.side(group.channel)
  while (gone.length > 0)
    await Promise.all(gone.splice(0, MOST_DELETIONS).map((sequence) => wire.api.deleteMessage(side, sequence)))
  if (failure !== undefined) throw failure
}

/** Of each shard to which something goes back: the last message that it has now. */
async function endsOf(
  decided: readonly Decided<SideMessage>[],
  { names, declarer }: Context,
  wire: Wire,
  group: Group,
): Promise<ReadonlyMap<number, number>> {
  const { channel } = group
  const shards = new Set(
    decided.flatMap(({ decision }) =>
      decision.action === 'redrive' ? [shardOfMessage(channel, decision.message)] : [],
    ),
  )
  const { source } = await declarer.source(group)
  const ends = [...shards].map(async (shard) => [shard, await wire.api.lastOf(source.stream, names.filter(channel, shard))] as const) // prettier-ignore
  return new Map(await Promise.all(ends))
}

function errorOf(result: PublishResult | undefined, { subject, message }: Publication): Error | undefined {
  if (result?.outcome === 'accepted') return undefined
  if (result !== undefined && 'error' in result) return result.error
  return new WaybillError('WAYBILL_UNROUTABLE', `dead letter ${message.id}: no stream has the subject ${subject}`)
}
