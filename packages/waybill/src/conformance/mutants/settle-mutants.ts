import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Delivery, Settlement } from '../../transport/transport.ts'
import type { Mutant } from './mutant.ts'
import { tapped, type Settle, type Taps } from '../tapped-transport.ts'

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

/** Changes, or with `undefined` drops, each settlement on its way to the engine. */
const settling = (
  name: string,
  breaks: readonly string[],
  change: (settlement: Settlement) => Settlement | undefined,
): Mutant =>
  mutant(name, breaks, () => ({
    settle: (batch, settle) => settle(batch.map(change).filter((each) => each !== undefined)),
  }))

export const settleMutants: readonly Mutant[] = [
  settling('acknowledges nothing', ['settle/ack ends it', 'settle/in any order'], (each) =>
    each.action === 'ack' ? undefined : each,
  ),
  settling(
    'loses on retry',
    [
      'settle/retry',
      'settle/ack, retry and reject',
      'settle/the others go on',
      'order/an ordered command',
      'order/successors that fail',
      'order/a failing key',
    ],
    (each) => (each.action === 'retry' ? { delivery: each.delivery, action: 'ack' } : each),
  ),
  settling('forgets the attempt', ['settle/retry hands it out', 'redelivery/what is retried after'], (each) =>
    each.action === 'retry' ? { ...each, attempt: 1 } : each,
  ),
  settling('forgets the history', ['settle/retry adds', 'dead-letter/keeps the history'], (each) =>
    each.action === 'retry' && each.failure !== undefined
      ? { ...each, failure: { ...each.failure, message: '', name: '' } }
      : each,
  ),
  settling('counts what is put off', ['settle/what is put off', 'order/what is put off'], (each) =>
    each.action === 'retry' && each.failure === undefined ? { ...each, attempt: each.attempt + 1 } : each,
  ),
  settling(
    'ignores the delay of a retry',
    ['settle/retry with a delay', 'settle/retry waits', 'expiry/what expires while it waits for a retry'],
    (each) => (each.action === 'retry' ? { ...each, afterMs: 0 } : each),
  ),
  settling(
    'forgets dead letters',
    [
      'settle/reject puts',
      'settle/reject of one',
      'dead-letter/of an ordered',
      'order/once a key',
      'inspect/tells depth',
      'broker/groups',
    ],
    (each) => (each.action === 'reject' ? { delivery: each.delivery, action: 'ack' } : each),
  ),
  settling('buries without a word', ['dead-letter/tells the reason', 'dead-letter/tells the failed'], (each) =>
    each.action === 'reject' ? { ...each, reason: 'failed', detail: '' } : each,
  ),
  settling(
    'hands rejected messages out again',
    ['settle/reject puts', 'settle/ack, retry and reject', 'order/once a key'],
    (each) =>
      each.action === 'reject'
        ? {
            delivery: each.delivery,
            action: 'retry',
            afterMs: 0,
            attempt: each.delivery.message.attempt + 1,
            failure: { at: 0, attempt: 1, group: '', name: '', message: '' },
          }
        : each,
  ),

  mutant('keeps the place of what waits for a retry', ['settle/a waiting retry'], (runtime) => ({
    settle: (batch, settle) => {
      for (const each of batch)
        if (each.action === 'retry') runtime.setTimer(each.afterMs, () => settle([{ ...each, afterMs: 0 }]))
        else settle([each])
    },
  })),

  {
    name: 'retries by sending to the channel again',
    breaks: ['settle/retry comes back'],
    infect: () => (good) =>
      tapped(good, {
        settle: (batch, settle, spec) =>
          resend(batch, settle, spec.group.channel, (message, to) => void good.send([{ message, to }])),
      }),
  },

  {
    name: 'takes a second settlement at its word',
    breaks: ['settle/twice'],
    infect: () => (good) => {
      const settled = new WeakSet<Delivery>()
      return tapped(good, {
        settle: (batch, settle, spec) => {
          for (const each of batch) {
            if (each.action === 'retry' && settled.has(each.delivery))
              void good.send([{ message: each.delivery.message, to: spec.group.channel }])
            settled.add(each.delivery)
          }
          settle(batch)
        },
      })
    },
  },

  mutant(
    'throws at a settlement that comes too late',
    ['settle/after the subscription', 'settle/of a delivery from before'],
    () => {
      let late = false
      return {
        closeSubscription: (close, deadlineMs) => {
          late = true
          return close(deadlineMs)
        },
        event: (event, emit) => {
          if (event.type === 'disconnected') late = true
          emit(event)
        },
        settle: (batch, settle) => {
          if (late) throw new Error('too late')
          settle(batch)
        },
      }
    },
  ),

  {
    name: 'lets a former owner settle for the next',
    breaks: ['capability/fencing'],
    infect: () => {
      const latest = new Map<string, readonly [Delivery, Settle]>()
      return (good) =>
        tapped(good, {
          deliver: (batch, hand, _, settle) => {
            for (const each of batch) latest.set(each.message.id, [each, settle])
            hand(batch)
          },
          settle: (batch, settle) => {
            settle(batch)
            for (const each of batch) {
              const [delivery, theirs] = latest.get(each.delivery.message.id) ?? []
              if (delivery !== undefined && delivery !== each.delivery) theirs?.([{ delivery, action: 'ack' }])
            }
          },
        })
    },
  },
]

function resend(
  batch: readonly Settlement[],
  settle: Settle,
  channel: Channel,
  send: (message: Delivery['message'], to: Channel) => void,
): void {
  for (const each of batch) {
    if (each.action === 'retry') send({ ...each.delivery.message, attempt: each.attempt }, channel)
    settle([each.action === 'retry' ? { delivery: each.delivery, action: 'ack' } : each])
  }
}
