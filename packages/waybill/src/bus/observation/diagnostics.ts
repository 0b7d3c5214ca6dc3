// Every observation point of the bus, declared in one place. Subscribe with node:diagnostics_channel; a channel without
// subscribers costs one property read. The messages are those on the wire, bodies included: a listener that writes them
// elsewhere decides what may be seen. The core never imports a telemetry SDK: whoever has one listens here.
import { channel } from 'node:diagnostics_channel'
import type { WireMessage } from '../../message/wire-message.ts'
import { CIRCUIT_CHANNEL } from '../../resilience/circuit-breaker.ts'
import type { Settlement } from '../../transport/transport.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'

/** A message was given to the bus to send. Each is followed by one {@link SendEnded}. */
export interface SendStarted {
  readonly message: WireMessage
  readonly channel: string
}

/** The broker answered for a message, or the send was given up. */
export interface SendEnded {
  readonly message: WireMessage
  readonly channel: string
  readonly durationMs: number
  readonly error: Error | undefined
}

/** A delivery is about to be handled. Each is followed by one {@link HandleEnded}. */
export interface HandleStarted {
  readonly message: WireMessage
  readonly service: string
  readonly channel: string
  readonly group: string
  readonly attempt: number
}

/** A handler returned, threw, or was never called because the message could not be read. */
export interface HandleEnded extends HandleStarted {
  readonly durationMs: number
  readonly error: Error | undefined
  /**
   * `return`: the bus closed before the handler was done; the broker hands the message out again. `put-off`: a circuit is
   * open; it comes again as the same attempt.
   */
  readonly action: Settlement['action'] | 'return' | 'put-off'
}

/** A message that was handled before came again, and was acknowledged without its handler: by the inbox of its group. */
export interface DuplicateDropped {
  readonly message: WireMessage
  readonly service: string
  readonly channel: string
  readonly group: string
}

/** A message of a numbered sequence came, and some before it were not handled by its group. */
export interface SequenceGap extends DuplicateDropped {
  readonly number: number
  readonly missing: number
}

/** Something that the transport reported by itself. */
export interface LinkChanged {
  readonly transport: string
  readonly event: TransportEvent
}

/** The names, to subscribe by. */
export const DIAGNOSTIC_CHANNELS = {
  sendStart: 'waybill:send:start',
  sendEnd: 'waybill:send:end',
  handleStart: 'waybill:handle:start',
  handleEnd: 'waybill:handle:end',
  duplicateDropped: 'waybill:inbox:duplicate',
  sequenceGap: 'waybill:sequence:gap',
  transport: 'waybill:transport',
  circuit: CIRCUIT_CHANNEL as typeof CIRCUIT_CHANNEL,
} as const

/** A channel whose messages have one type. */
export interface ObservationPoint<T> {
  readonly hasSubscribers: boolean
  publish(message: T): void
}

export const sendStart: ObservationPoint<SendStarted> = channel(DIAGNOSTIC_CHANNELS.sendStart)
export const sendEnd: ObservationPoint<SendEnded> = channel(DIAGNOSTIC_CHANNELS.sendEnd)
export const handleStart: ObservationPoint<HandleStarted> = channel(DIAGNOSTIC_CHANNELS.handleStart)
export const handleEnd: ObservationPoint<HandleEnded> = channel(DIAGNOSTIC_CHANNELS.handleEnd)
export const duplicateDropped: ObservationPoint<DuplicateDropped> = channel(DIAGNOSTIC_CHANNELS.duplicateDropped)
export const sequenceGap: ObservationPoint<SequenceGap> = channel(DIAGNOSTIC_CHANNELS.sequenceGap)
export const transportChanged: ObservationPoint<LinkChanged> = channel(DIAGNOSTIC_CHANNELS.transport)
