import { WaybillError } from '../../message/errors.ts'
import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Outgoing, SendResult } from '../../transport/transport.ts'
import type { Mutant } from './mutant.ts'
import { tapped, type Taps } from '../tapped-transport.ts'

const ACCEPTED: SendResult = { outcome: 'accepted' }

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

/** Changes each message on its way out. */
const writing = (
  name: string,
  breaks: readonly string[],
  change: (message: WireMessage) => Partial<WireMessage>,
): Mutant =>
  mutant(name, breaks, () => ({
    send: (batch, send) =>
      send(batch.map((each) => ({ ...each, message: { ...each.message, ...change(each.message) } }))),
  }))

const wait = (runtime: Runtime, ms: number): Promise<void> =>
  new Promise((resolve) => void runtime.setTimer(ms, resolve))

const latin1 = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
const eachHeader = (message: WireMessage, change: (value: string) => string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, change(value)]))

export const sendMutants: readonly Mutant[] = [
  mutant(
    'drops the last of a batch',
    ['send/a batch of 2,000', 'send/calls of several', 'send/a batch for several'],
    () => ({
      send: async (batch, send) => {
        if (batch.length < 2) return await send(batch)
        return [...(await send(batch.slice(0, -1))), ACCEPTED]
      },
    }),
  ),

  mutant(
    'answers once for a whole batch',
    ['send/an empty batch', 'send/answers each', 'send/a batch of 2,000'],
    () => ({
      send: async (batch, send) => (await send(batch)).slice(0, 1).concat(batch.length === 0 ? [ACCEPTED] : []),
    }),
  ),

  mutant(
    'says accepted for what is refused',
    [
      'send/answers each',
      'send/a command that',
      'send/a query that',
      'send/a document that',
      'send/what is too large',
      'delay/longer',
      'broker/killed',
    ],
    () => ({
      send: async (batch, send) => (await send(batch)).map((each) => (each.outcome === 'refused' ? ACCEPTED : each)),
    }),
  ),

  mutant('says unknown for what is refused', ['reply/to a requester that has gone', 'send/a command that'], () => ({
    send: async (batch, send) =>
      (await send(batch)).map((each) => (each.outcome === 'refused' ? { ...each, outcome: 'unknown' } : each)),
  })),

  mutant('refuses what nobody has asked for', ['send/an event without', 'send/a survey without'], () => ({
    send: async (batch, send) => {
      const results = await send(batch)
      const error = new WaybillError('WAYBILL_UNROUTABLE', 'nobody is there')
      return results.map(() => ({ outcome: 'refused', error }))
    },
  })),

  mutant(
    'confirms before it stores',
    ['capability/confirms', 'link/sends while', 'link/nothing is lost when the link of the sender is cut'],
    (runtime) => ({
      send: (batch, send) => {
        wait(runtime, 20)
          .then(() => send(batch))
          .catch(() => undefined)
        return Promise.resolve(batch.map(() => ACCEPTED))
      },
    }),
  ),

  mutant(
    'drops sends while others wait for their confirm',
    [
      'link/nothing is lost when the link of the sender stalls',
      'link/nothing is lost when the link of the sender is half open',
      'link/nothing is lost when the link of the sender is slow',
    ],
    (runtime) => {
      let late = 0
      return {
        send: async (batch, send) => {
          if (late > 0) return batch.map(() => ACCEPTED)
          const sending = send(batch)
          const answer = await Promise.race([sending, wait(runtime, 60).then(() => undefined)])
          if (answer !== undefined) return answer
          late++
          const end = (): void => void late--
          sending.then(end, end)
          return batch.map(() => ACCEPTED)
        },
      }
    },
  ),

  mutant('overtakes itself', ['send/keeps the order'], (runtime) => {
    let calls = 0
    return {
      send: async (batch, send) => {
        if (calls++ % 2 === 0) await wait(runtime, 10)
        return await send(batch)
      },
    }
  }),

  writing('invents headers', ['message/arrives with every header absent'], ({ correlationId }) => ({
    correlationId: correlationId ?? 'none',
  })),
  writing(
    'loses headers',
    [
      'message/arrives with every header that',
      'reply/comes to the requester',
      'dead-letter/keeps the message',
      'settle/retry leaves the rest',
    ],
    () => ({ headers: NO_HEADERS, correlationId: undefined, tracestate: undefined }),
  ),
  writing('loses return addresses', ['reply/two hundred', 'reply/to a survey'], () => ({ replyTo: undefined })),
  writing('sends everything as an event', ['message/carries a command'], () => ({ kind: 'event' })),
  writing('mangles unicode', ['message/keeps unicode'], (message) => ({
    key: message.key === undefined ? undefined : latin1(message.key),
    headers: eachHeader(message, latin1),
  })),
  writing('guesses types of header values', ['message/keeps header values'], (message) => ({
    headers: eachHeader(message, (value) => (Number.isNaN(Number(value)) ? value.trim() : String(Number(value)))),
  })),
  writing('keeps fifty headers', ['message/keeps a hundred'], ({ headers }) => ({
    headers: Object.fromEntries(Object.entries(headers).slice(0, 50)),
  })),
  writing('has no empty body', ['message/keeps an empty body'], ({ body }) => ({
    body: body.length === 0 ? new Uint8Array(1) : body,
  })),
  writing('takes every body for text', ['message/keeps every byte value'], ({ body }) => ({
    body: new TextEncoder().encode(new TextDecoder().decode(body)),
  })),
  writing('cuts long bodies', ['message/keeps a body of 1 MiB'], ({ body }) => ({ body: body.subarray(0, 65_536) })),
  writing('swallows expiry', ['expiry/'], () => ({ expiresAt: undefined })),

  mutant('scribbles on what it sends', ['message/is not changed'], () => ({
    send: async (batch, send) => {
      const results = await send(batch)
      for (const { message } of batch) message.body.fill(0)
      return results
    },
  })),

  mutant(
    'ignores the delay of a send',
    ['delay/a delayed command comes', 'delay/commands of', 'delay/a delayed event', 'delay/longer'],
    () => ({
      send: (batch, send) => send(batch.map(({ message, to }) => ({ message, to }))),
    }),
  ),

  mutant('delays in its own memory', ['delay/a delayed command survives'], (runtime) => {
    let open = true
    return {
      send: async (batch, send) => {
        const now: Outgoing[] = batch.filter((each) => each.delayMs === undefined)
        for (const { message, to, delayMs } of batch)
          if (delayMs !== undefined) runtime.setTimer(delayMs, () => void (open && send([{ message, to }])))
        await send(now)
        return batch.map(() => ACCEPTED)
      },
      close: (close, deadlineMs) => {
        open = false
        return close(deadlineMs)
      },
    }
  }),
]
