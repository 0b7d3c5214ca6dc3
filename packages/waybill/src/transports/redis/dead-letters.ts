// A visit to the dead letters of a group. Reading takes nothing; what becomes of a batch is a script, or a few where it is large,
// so that a letter is never in two places or in none, and of two visits that decide on one letter the first is obeyed.
import { WaybillError } from '../../message/errors.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { Group } from '../../transport/transport.ts'
import { visitInBatches, type Decided, type Letter } from '../../transport/visit-in-batches.ts'
import { text, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { bodyOf, decodeMessage, encodeAttributes, fieldsIn } from './message-mapping.ts'
import { shardOfMessage } from './names.ts'

/** Of one script: the server does nothing else meanwhile. */
const MOST_LETTERS = 256
const MOST_BYTES = 2 ** 20

interface Entry extends Letter {
  readonly id: string
}

export async function visitDeadLetters(context: Context, group: Group, visit: DeadLetterVisit): Promise<void> {
  const { names } = context
  const { channel, name } = group
  const connection = context.connection()
  const base = names.base(channel)
  const [outcome, last] = (await connection.run('lastLetter', base, [name])).map(text)
  if (outcome !== 'OK') throw new WaybillError('WAYBILL_NOT_FOUND', `channel ${channel.name} has no group ${name}`)
  let shown = '0-0'
  const next = async (most: number): Promise<readonly Entry[]> => {
    const found = await connection.command(
      'XRANGE', names.deadLetters(group), `(${shown}`, last ?? '0-0', 'COUNT', String(most),
    ) // prettier-ignore
    const entries = (found as readonly (readonly [id: Reply, fields: Reply])[]).map(([id, fields]) => ({
      id: text(id),
      message: decodeMessage(fieldsIn(fields)),
    }))
    shown = entries.at(-1)?.id ?? shown
    return entries
  }
  await visitInBatches(visit, next, async (decided) => {
    for (const args of scriptsFor(decided, group)) await connection.run('decide', base, [name, ...args])
  })
}

type Arguments = (string | Buffer | number)[]

function scriptsFor(decided: readonly Decided<Entry>[], { channel }: Group): readonly Arguments[] {
  const scripts: Arguments[] = []
  let [letters, bytes] = [MOST_LETTERS, 0]
  for (const { letter, decision } of decided) {
    if (letters >= MOST_LETTERS || bytes >= MOST_BYTES) {
      scripts.push([])
      letters = bytes = 0
    }
    const args = scripts.at(-1) as Arguments // the first letter has begun one
    letters++
    if (decision.action === 'remove') {
      args.push('x', letter.id)
      continue
    }
    const { action, message } = decision
    const attributes = encodeAttributes(message)
    bytes += attributes.length + message.body.length
    if (action === 'replace') args.push('p', letter.id, attributes, bodyOf(message))
    else args.push('r', letter.id, shardOfMessage(channel, message), attributes, bodyOf(message))
  }
  return scripts
}
