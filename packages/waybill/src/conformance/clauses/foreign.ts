import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import { clause, type Clause } from '../clause.ts'

export const foreignClauses: readonly Clause[] = [
  clause(
    'foreign/a queue of ordinary clients is read and written by its own name',
    { foreignQueue: true },
    async (stage) => {
      const [reader, writer] = await stage.members(2)
      assert.ok(reader && writer)
      const foreign = await stage.foreignQueue()
      const inbox = await reader.subscribe(stage.group({ ...stage.channel('document'), foreign }))
      // The other side calls its channel otherwise: the entity alone connects them.
      await writer.send({ ...stage.channel('document'), foreign }, 'm1', 'm2')
      await inbox.arrived(2)
      assert.deepEqual(inbox.texts, ['m1', 'm2'])
    },
  ),

  clause('foreign/a queue that does not exist is an error, and is not made', async (stage) => {
    const member = await stage.member()
    const channel = stage.channel('document')
    const missing = { ...channel, foreign: `${channel.name}.missing` }
    const [result] = await member.offer([{ message: stage.message(channel, 'm1'), to: missing }])
    assert.equal(result?.outcome, 'refused', 'a send to what does not exist')
    const outcome = await stage.patience.within(
      'subscribe() to what does not exist',
      member.transport
        .subscribe({ group: stage.group(missing), transient: false, prefetch: 1 }, () => {})
        .then(
          () => 'it resolved',
          (error: unknown) => error,
        ),
    )
    assert.ok(isWaybillError(outcome), `subscribe() to what does not exist: ${String(outcome)}`)
    const [again] = await member.offer([{ message: stage.message(channel, 'm2'), to: missing }])
    assert.equal(again?.outcome, 'refused', 'it has been made')
  }),
]
