import type { WireMessage } from '../../message/wire-message.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Outgoing, SubscriptionSpec } from '../../transport/transport.ts'
import { tapped, type Taps } from '../tapped-transport.ts'
import type { Mutant } from './mutant.ts'

const mutant = (name: string, breaks: readonly string[], taps: Taps): Mutant => ({
  name,
  breaks,
  infect: () => (good) => tapped(good, taps),
})

const isSignals = ({ to }: Outgoing): boolean => to.kind === 'signals'

/** Hands signals over as something else. */
const sending = (change: (outgoing: Outgoing) => Partial<Outgoing>): NonNullable<Taps['send']> =>
  (batch, send) => send(batch.map((each) => (isSignals(each) ? { ...each, ...change(each) } : each))) // prettier-ignore

const asEvents = (channel: Channel): Channel => ({ ...channel, kind: 'events' })

const stored = (spec: SubscriptionSpec, transient: boolean): SubscriptionSpec =>
  spec.group.channel.kind === 'signals'
    ? { ...spec, transient, group: { ...spec.group, channel: asEvents(spec.group.channel) } }
    : spec

const toEvents = sending(({ to }) => (to.kind === 'address' ? {} : { to: asEvents(to) }))

/** JSON that went through a parser and back is not always what was sent. */
const reprinted = ({ body, contentType, ...rest }: WireMessage): WireMessage => {
  const isJson = contentType === 'application/json'
  const text = isJson ? JSON.stringify(JSON.parse(new TextDecoder().decode(body))) : ''
  return { ...rest, contentType, body: isJson ? new TextEncoder().encode(text) : body }
}

export const signalsMutants: readonly Mutant[] = [
  mutant('takes signals for events of that name', ['signals/and stored', 'signals/what only'], {
    send: toEvents,
    spec: (spec) => stored(spec, spec.transient),
  }),
  mutant(
    'keeps signals for a group, whose members share them',
    ['signals/each instance', 'signals/one that nobody', 'signals/one that fails', 'signals/an instance that is slow'],
    { send: toEvents, spec: (spec) => stored(spec, false) },
  ),
  mutant('reads the bodies of signals, and writes them anew', ['signals/arrive as'], {
    send: sending(({ message }) => ({ message: reprinted(message) })),
  }),
  mutant('sends the last signal of a batch first', ['signals/of one sender'], {
    send: (batch, send) => send(batch.some(isSignals) ? batch.toReversed() : batch),
  }),
  mutant('gives a signal up at its first failure', ['signals/one that fails'], {
    settle: (batch, settle) => settle(batch.map(({ delivery }) => ({ delivery, action: 'ack' as const }))),
  }),
]
